# The programs that ./bootstrap bench builds and runs (test/bench/run). They are part of `all`, and each part of the bench that
# is quick runs once in the suite, so that what measures neither stops compiling nor stops working; no time is judged.
if(KTSTR_FUZZ)
  return()  # those flags are for libFuzzer's targets; these programs have a main
endif()
add_executable(bench_command ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_command.cpp)
target_link_libraries(bench_command PRIVATE ktstr_host_flags)
add_executable(bench_host ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_host.cpp)
target_link_libraries(bench_host PRIVATE ktstr_interpreter_cli)
add_executable(bench_guest ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_guest.cpp)
target_link_libraries(bench_guest PRIVATE ktstr_vmm_template ktstr_vmm_kernel fmt::fmt)
add_executable(bench_clones ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_clones.cpp)
target_link_libraries(bench_clones PRIVATE ktstr_vmm_template ktstr_vmm_kernel fmt::fmt)
# Guests and what is planted in them are those of the guest tests.
add_executable(bench_observe ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_observe.cpp
  ${CMAKE_CURRENT_SOURCE_DIR}/guest/live_guest.cpp ${CMAKE_CURRENT_SOURCE_DIR}/guest/truth_guest.cpp
  ${CMAKE_CURRENT_SOURCE_DIR}/guest/cli_process.cpp)
target_link_libraries(bench_observe PRIVATE ${guest_test_libraries} ktstr_checkout)
add_dependencies(bench_observe bpf_truth)
add_custom_target(bench_programs DEPENDS ktstr-interp bench_command bench_host bench_guest bench_clones bench_observe)
add_test(NAME bench COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/bench/run --only host,guest,run --rounds 1
                                   --json ${CMAKE_BINARY_DIR}/bench_once.json)
set_tests_properties(bench PROPERTIES ENVIRONMENT KTSTR_BUILD_DIR=${CMAKE_BINARY_DIR} LABELS bench TIMEOUT 300)
