# The static guest-init as data; see guest_image.h. CMake defines KTSTR_GUEST_INIT_PATH and rebuilds
# this file when the guest binary changes.
        .section .rodata
        .balign 64
        .globl ktstr_guest_init_begin
        .type ktstr_guest_init_begin, @object
ktstr_guest_init_begin:
        .incbin KTSTR_GUEST_INIT_PATH
.Lend:
        .size ktstr_guest_init_begin, .Lend - ktstr_guest_init_begin

        .balign 8
        .globl ktstr_guest_init_size
        .type ktstr_guest_init_size, @object
ktstr_guest_init_size:
        .quad .Lend - ktstr_guest_init_begin
        .size ktstr_guest_init_size, 8

# Without this note the linker would make every program's stack executable.
        .section .note.GNU-stack, "", @progbits
