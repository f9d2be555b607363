# Injected faults: the built ktstr-interp with a library before libc that fails one of its calls.
if(KTSTR_FUZZ OR KTSTR_SANITIZE)
  return()  # sanitizers want to be the first library themselves
endif()
add_library(host_faults MODULE faults/host_faults.cpp)
target_link_libraries(host_faults PRIVATE ktstr_flags ${CMAKE_DL_LIBS})

# The runs are those of the guest tests.
add_executable(fault_tests faults/test_injected_faults.cpp guest/cli_process.cpp guest/guest_run.cpp
  guest/template_cache.cpp $<TARGET_OBJECTS:ktstr_test_main>)
target_link_libraries(fault_tests PRIVATE ktstr_checkout fmt::fmt nlohmann_json::nlohmann_json Catch2::Catch2)
target_compile_options(fault_tests PRIVATE -O0)
target_precompile_headers(fault_tests REUSE_FROM ktstr_test_headers)
target_link_libraries(fault_tests PRIVATE ktstr_host_flags)
add_dependencies(fault_tests ktstr-interp host_faults)

include(${Catch2_DIR}/Catch.cmake)  # comes with Catch2
catch_discover_tests(fault_tests TEST_PREFIX "faults: " PROPERTIES LABELS guest COST 100 TIMEOUT 180)
