# The built program driven as a process, without a VM.
add_test(NAME cli COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/cli.sh $<TARGET_FILE:ktstr-interp>)
set_tests_properties(cli PROPERTIES LABELS unit TIMEOUT 60)
add_test(NAME cli_kernel_build
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/cli/kernel_build.sh $<TARGET_FILE:ktstr-interp>)
set_tests_properties(cli_kernel_build PROPERTIES LABELS unit TIMEOUT 120)
