// The one place where Catch2 itself is compiled (about ten seconds); every test program links this object.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
