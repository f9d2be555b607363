# The unit tests once more, built with ASan and UBSan in a build directory of their own.
# There, `unit_programs` builds just them; in the main build directory they join the suite when
# KTSTR_ASAN_DIR names that other directory (./bootstrap test sees to both).
get_property(unit_programs DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
list(FILTER unit_programs INCLUDE REGEX "^unit_")
add_custom_target(unit_programs DEPENDS ${unit_programs})

if(KTSTR_ASAN_DIR AND NOT KTSTR_SANITIZE)
  foreach(program ${unit_programs})
    add_test(NAME asan_${program} COMMAND ${KTSTR_ASAN_DIR}/test/${program})
    set_tests_properties(asan_${program} PROPERTIES LABELS unit COST 900 TIMEOUT 600)
  endforeach()
endif()
