# The sources of our own scheduler as data; see scheduler_sources.h. CMake rebuilds this file when one of them
# changes.
        .macro carried name, file
        .section .rodata
        .globl ktstr_\name\()_begin
        .type ktstr_\name\()_begin, @object
ktstr_\name\()_begin:
        .incbin "\file"
ktstr_\name\()_end:
        .size ktstr_\name\()_begin, ktstr_\name\()_end - ktstr_\name\()_begin
        .balign 8
        .globl ktstr_\name\()_size
        .type ktstr_\name\()_size, @object
ktstr_\name\()_size:
        .quad ktstr_\name\()_end - ktstr_\name\()_begin
        .size ktstr_\name\()_size, 8
        .endm

        carried load_source, workloads/scheduler/ktstr_load.c
        carried load_rule_source, workloads/scheduler/ktstr_load.mk
        carried probe_bpf_source, workloads/scheduler/ktstr_probe.bpf.c
        carried probe_loader_source, workloads/scheduler/ktstr_probe.c
        carried probe_arm_source, workloads/scheduler/ktstr_probe_arm.inc
        carried probe_types_source, workloads/scheduler/ktstr_probe_types.inc
        carried probe_shared_source, workloads/scheduler/ktstr_probe.inc
        carried scx_bpf_source, workloads/scheduler/ktstr_scx.bpf.c
        carried scx_loader_source, workloads/scheduler/ktstr_scx.c
        carried scx_faults_source, workloads/scheduler/ktstr_scx_faults.inc

# Without this note the linker would make every program's stack executable.
        .section .note.GNU-stack, "", @progbits
