# Whole runs: the built ktstr-interp boots real guests under TCG (or a QEMU that misbehaves on cue), and what
# it says and leaves behind is looked at. A test case is a ctest entry, so that `ctest -j2` keeps two CPUs
# busy; catalogue_<theme> runs the scenarios of one folder. Higher COST runs first: after unit and style tests,
# and the longest last.
if(KTSTR_FUZZ)
  return()  # those flags are for libFuzzer's targets; these programs have a main
endif()

file(GLOB guest_test_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/guest/*.cpp)
list(FILTER guest_test_sources EXCLUDE REGEX "/(fake_qemu|fake_guest|lies.*|qemu_shim|bpf_truth.*|deny_set_up)\\.cpp$")

add_executable(fake_qemu guest/fake_qemu.cpp guest/fake_guest.cpp guest/lies_of_form.cpp guest/lies_of_content.cpp)
target_link_libraries(fake_qemu PRIVATE ktstr_workloads)
add_executable(qemu_shim guest/qemu_shim.cpp)
# Runs in guests: what it plants there is known to the test. Never sanitized, as its libraries go with it.
add_executable(bpf_truth guest/bpf_truth.cpp guest/bpf_truth_scheduler.cpp)
target_link_libraries(bpf_truth PRIVATE ktstr_flags PkgConfig::LIBBPF)
add_executable(deny_set_up guest/deny_set_up.cpp)
target_link_libraries(deny_set_up PRIVATE ktstr_flags PkgConfig::LIBBPF)

add_executable(guest_tests ${guest_test_sources} $<TARGET_OBJECTS:ktstr_test_main>)
target_link_libraries(guest_tests PRIVATE ${guest_test_libraries} ktstr_checkout Catch2::Catch2)
target_compile_options(guest_tests PRIVATE -O0)
target_precompile_headers(guest_tests REUSE_FROM ktstr_test_headers)
add_dependencies(guest_tests ktstr-interp fake_qemu qemu_shim bpf_truth deny_set_up)

include(${Catch2_DIR}/Catch.cmake)  # comes with Catch2
catch_discover_tests(guest_tests TEST_SPEC "~[.]~[serial]" TEST_PREFIX "guest: " PROPERTIES LABELS guest COST 100
                     TIMEOUT 180 SKIP_REGULAR_EXPRESSION "SKIPPED: ")
# These compare runs with each other, and have the host to themselves.
catch_discover_tests(guest_tests TEST_SPEC "[serial]" TEST_PREFIX "guest: " PROPERTIES LABELS guest COST 100
                     TIMEOUT 180 RUN_SERIAL TRUE)

file(GLOB themes RELATIVE ${CMAKE_SOURCE_DIR}/scenarios CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/scenarios/*)
foreach(theme ${themes})
  add_test(NAME catalogue_${theme} COMMAND guest_tests "[.catalogue]")
  set_tests_properties(catalogue_${theme} PROPERTIES ENVIRONMENT KTSTR_THEME=${theme}
                       LABELS "guest;catalogue" COST 50 TIMEOUT 180)
endforeach()
