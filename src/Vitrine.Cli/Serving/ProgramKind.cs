namespace Vitrine.Cli.Serving;

/// <summary>How KVM can be served to a program.</summary>
internal enum ProgramKind
{
    /// <summary>It loads libraries at its start: a hook is preloaded.</summary>
    Dynamic,

    /// <summary>It makes its system calls itself: it is loaded by a program of ours.</summary>
    Static,
}
