# The guest's executor, run on the host: everything of guest-init/ but PID 1's own main.
file(GLOB guest_init_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/guest-init/*.cpp)
list(FILTER guest_init_sources EXCLUDE REGEX "main\\.cpp$")
add_library(ktstr_guest_init STATIC ${guest_init_sources})
target_link_libraries(ktstr_guest_init PUBLIC ktstr_workloads ktstr_wire)
ktstr_test_program(unit_guest_init unit/guest-init ktstr_guest_init)
