using Xunit.Sdk;
using Xunit.v3;

// These tests start programs and wait for them: several times as many as there are processors.
[assembly: Parallelization(Mode = ParallelMode.All, MaxThreads = 6)]
