using Vitrine.Errors;

namespace Vitrine;

/// <summary>How a machine ended, and what is worth knowing about it.</summary>
/// <param name="Reason">What ended it.</param>
/// <param name="Value">The debug-exit value or the hardware's reason, where <paramref name="Reason"/> says so; else 0.</param>
/// <param name="Report">
/// One line; where the end is not the guest's wish also registers, the instruction decoded, and the last exits.
/// </param>
/// <param name="Error">The error of the host behind an <see cref="VmEndReason.InternalError"/>, where there is one.</param>
public sealed record VmEnd(VmEndReason Reason, uint Value, string Report, VitrineException? Error = null)
{
    /// <summary>Settings that may help, where the report names some.</summary>
    public EndAdvice? Advice { get; init; }
}
