"""What may go wrong around a fit, and the test of each.

| fault | test, in this folder where none is named |
|---|---|
| a killed process | test_killed; test_checkpoint: a killed run goes on to the same draws |
| Ctrl-C in any stage | test_interrupts; of the shell, its imports too: test_shell_interrupts |
| a full disk | test_disks; test_checkpoint, test_checkpointed_parts: it loses no chain, no part |
| a read-only home | test_disks: a home that may only be read; test_worlds: that cannot be written |
| no home | test_worlds: no home |
| no network | tests/hostile/test_offline |
| two processes on one cache | test_two_processes; tests/engines/test_cache: build once |
| a fork in a notebook | test_forks: processes forked after a fit, while a fit runs in a thread |
| threads | test_forks: eight fits in threads; tests/test_notebook: threads of a notebook |
| a changed working directory | test_worlds: a working folder that changes |
| a clock that jumps | test_worlds: a clock that jumps |
| a locale with decimal commas | test_worlds: decimal commas |
| TMPDIR with spaces | test_worlds: an odd folder for temporary files; conftest.own_tmp |
| a long run that is picked up | test_checkpoint; test_checkpointed_parts: folds, data sets |
"""
