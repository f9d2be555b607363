# Source rules, and the proof that each of them can fail. They run first; clang-tidy uses all CPUs, for minutes when it has
# seen nothing yet, for a second when nothing has changed. What it has seen is remembered for all checkouts.
set(style_scripts ${CMAKE_CURRENT_SOURCE_DIR}/style)
add_test(NAME style COMMAND ${style_scripts}/check)
add_test(NAME style_selftest COMMAND ${style_scripts}/selftest)
add_test(NAME style_format COMMAND ${style_scripts}/format)
add_test(NAME style_tools_selftest COMMAND ${style_scripts}/selftest_tools)
set(tidy_cache $ENV{XDG_CACHE_HOME})
if(NOT tidy_cache)
  set(tidy_cache $ENV{HOME}/.cache)
endif()
add_test(NAME style_tidy COMMAND ${style_scripts}/tidy ${tidy_cache}/ktstr-interp-tidy)
set_tests_properties(style_tidy PROPERTIES LABELS style COST 1900 TIMEOUT 1800 PROCESSORS 2)
set_tests_properties(style style_selftest style_format style_tools_selftest PROPERTIES
                     LABELS style COST 2000 TIMEOUT 300 SKIP_RETURN_CODE 77)
