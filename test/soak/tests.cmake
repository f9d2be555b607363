# The soak script once, so that it does not stop working; README.md says what it is for.
if(KTSTR_FUZZ OR KTSTR_SANITIZE)
  return()  # of the program as it is shipped
endif()
foreach(mode verdicts kills)
  add_test(NAME soak_${mode} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/soak/run ${mode} --runs 2 --clock wall
                                     ${CMAKE_SOURCE_DIR}/scenarios/smoke/idle.yaml)
  set_tests_properties(soak_${mode} PROPERTIES ENVIRONMENT KTSTR_BUILD_DIR=${CMAKE_BINARY_DIR} LABELS guest TIMEOUT 180)
endforeach()
