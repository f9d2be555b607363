# How the loader of BPF objects is built: read behind the makefile of tools/sched_ext, whose variables it uses.
ktstr_load: $(BINDIR)/ktstr_load

$(BINDIR)/ktstr_load: ktstr_load.c $(BPFOBJ) | $(BINDIR)
	$(CC) $(CFLAGS) -o $@ $< $(HOST_BPFOBJ) $(LDFLAGS)

.PHONY: ktstr_load
