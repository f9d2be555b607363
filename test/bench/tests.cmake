# The programs that ./bootstrap bench builds and runs (test/bench/run); no test, and not part of `all`.
add_executable(bench_command EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_command.cpp)
target_link_libraries(bench_command PRIVATE ktstr_host_flags)
add_executable(bench_host EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_host.cpp)
target_link_libraries(bench_host PRIVATE ktstr_interpreter)
add_executable(bench_guest EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_guest.cpp)
target_link_libraries(bench_guest PRIVATE ktstr_vmm)
add_custom_target(bench_programs DEPENDS ktstr-interp bench_command bench_host bench_guest)
