using Xunit.Sdk;
using Xunit.v3;

// The boots of a kernel are cases of one class.
[assembly: Parallelization(Mode = ParallelMode.All)]
