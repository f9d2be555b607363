# The fragment of the trimmed kernel as data; see kernel_config.h. CMake defines KTSTR_KERNEL_FRAGMENT and
# rebuilds this file when the fragment changes.
        .section .rodata
        .globl ktstr_kernel_fragment_begin
        .type ktstr_kernel_fragment_begin, @object
ktstr_kernel_fragment_begin:
        .incbin KTSTR_KERNEL_FRAGMENT
.Lend:
        .size ktstr_kernel_fragment_begin, .Lend - ktstr_kernel_fragment_begin

        .balign 8
        .globl ktstr_kernel_fragment_size
        .type ktstr_kernel_fragment_size, @object
ktstr_kernel_fragment_size:
        .quad .Lend - ktstr_kernel_fragment_begin
        .size ktstr_kernel_fragment_size, 8

# Without this note the linker would make every program's stack executable.
        .section .note.GNU-stack, "", @progbits
