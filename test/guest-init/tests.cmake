# The guest's executor, run on the host: everything of guest-init/ but PID 1's own main.
ktstr_test_program(unit_guest_init unit/guest-init ktstr_guest_init)
