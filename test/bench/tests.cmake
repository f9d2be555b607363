# The programs that ./bootstrap bench builds and runs (test/bench/run); no test, and not part of `all`.
add_executable(bench_command EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_command.cpp)
target_link_libraries(bench_command PRIVATE ktstr_host_flags)
add_executable(bench_host EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_host.cpp)
target_link_libraries(bench_host PRIVATE ktstr_interpreter_cli)
add_executable(bench_guest EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_guest.cpp)
target_link_libraries(bench_guest PRIVATE ktstr_vmm_template ktstr_vmm_kernel fmt::fmt)
add_executable(bench_clones EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_clones.cpp)
target_link_libraries(bench_clones PRIVATE ktstr_vmm_template ktstr_vmm_kernel fmt::fmt)
# Guests and what is planted in them are those of the guest tests.
add_executable(bench_observe EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_observe.cpp
  ${CMAKE_CURRENT_SOURCE_DIR}/guest/live_guest.cpp ${CMAKE_CURRENT_SOURCE_DIR}/guest/truth_guest.cpp
  ${CMAKE_CURRENT_SOURCE_DIR}/guest/cli_process.cpp)
target_link_libraries(bench_observe PRIVATE ${guest_test_libraries} ktstr_checkout)
add_dependencies(bench_observe bpf_truth)
add_custom_target(bench_programs DEPENDS ktstr-interp bench_command bench_host bench_guest bench_clones bench_observe)
