//! Every phenomenon on the CPU backend: the cases under `tests/cases`, with what they share in `tests/support`.

mod support;
