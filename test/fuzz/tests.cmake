# Fuzzing. One `fuzz_<name>.cpp` per target with LLVMFuzzerTestOneInput in it, one row below, inputs in corpus/<name>/.
# - Every build replays the corpus through the same entry function (test `fuzz_<name>_corpus`).
# - libFuzzer itself needs clang, in a build folder of its own:
#     cmake -B build-fuzz -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DKTSTR_FUZZ=ON
#     ninja -C build-fuzz fuzz_document && build-fuzz/test/fuzz_document -dict=test/fuzz/document.dict test/fuzz/corpus/document
#   What it finds (crash-*, timeout-*) becomes a corpus file under a name that says what it is.

# ktstr_fuzz_target(<name> <libraries>...)
function(ktstr_fuzz_target name)
  set(target ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_${name}.cpp)
  if(KTSTR_FUZZ)
    add_executable(fuzz_${name} ${target})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(fuzz_${name} PRIVATE ${ARGN})
  else()
    add_executable(fuzz_${name}_corpus ${target} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/replay_corpus.cpp)
    target_link_libraries(fuzz_${name}_corpus PRIVATE ${ARGN})
    add_test(NAME fuzz_${name}_corpus
             COMMAND fuzz_${name}_corpus ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
    set_tests_properties(fuzz_${name}_corpus PROPERTIES LABELS "unit;fuzz" TIMEOUT 300)
  endif()
endfunction()

if(KTSTR_FUZZ AND NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
  message(FATAL_ERROR "KTSTR_FUZZ needs clang: configure with -DCMAKE_CXX_COMPILER=clang++")
endif()

ktstr_fuzz_target(document ktstr_interpreter_load)
ktstr_fuzz_target(wire ktstr_guest_init_wire)
ktstr_fuzz_target(payload_metrics ktstr_interpreter_fold)
ktstr_fuzz_target(scenario ktstr_interpreter_explain)
ktstr_fuzz_target(elf ktstr_vmm_host)
ktstr_fuzz_target(btf ktstr_vmm_introspection_types)
