using System.Diagnostics.CodeAnalysis;

namespace Vitrine.Errors;

/// <summary>The error of a saved state that can't be loaded: what is in it is checked as any other input is.</summary>
public static class InvalidState
{
    /// <summary>The error.</summary>
    /// <param name="part">What the state belongs to: the name of a device, "vCPU 0", ...</param>
    /// <param name="problem">What is wrong with it, as a clause without a full stop.</param>
    /// <param name="inner">What led here, if anything.</param>
    public static VitrineException Of(string part, string problem, Exception? inner = null) => VitrineException.User(
        ErrorCode.InvalidState,
        $"The saved state of {part} can't be loaded: {problem}.",
        "It was damaged or changed by hand, or another version of Vitrine saved it.",
        "Save the machine's state again with this version.",
        inner)
        .With("part", part).With("problem", problem);

    /// <summary>Checks a value of a saved state.</summary>
    /// <param name="holds">What must be true of it.</param>
    /// <param name="part">As for <see cref="Of"/>.</param>
    /// <param name="problem">As for <see cref="Of"/>.</param>
    /// <exception cref="VitrineException">It is not.</exception>
    public static void Unless([DoesNotReturnIf(false)] bool holds, string part, string problem)
    {
        if (!holds) throw Of(part, problem);
    }
}
