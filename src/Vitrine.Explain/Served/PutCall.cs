using Vitrine.Explain.Model;

namespace Vitrine.Explain.Served;

/// <summary>A call that puts registers of a vCPU.</summary>
/// <param name="Number">Its number among the calls.</param>
/// <param name="Request">The ioctl.</param>
/// <param name="Name">Its name.</param>
/// <param name="Thread">The thread that made it.</param>
/// <param name="Values">How many values it passes.</param>
/// <param name="Changes">What it changed.</param>
/// <param name="Run">How often the vCPU had been run, or its registers been read, before: puts of one sequence have this in common.</param>
internal sealed record PutCall(int Number, uint Request, string Name, string Thread, int Values, IReadOnlyList<RegisterChange> Changes, int Run);
