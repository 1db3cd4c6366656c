import fc from "fast-check";

// FUZZ_SEED makes all property tests try the same examples in every run.
fc.configureGlobal({ seed: Number(process.env.FUZZ_SEED) });
