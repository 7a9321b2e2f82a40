namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>What a stub does behind the system calls of its turn.</summary>
internal enum StubAction
{
    /// <summary>Gives the turn back.</summary>
    Stand = 0,

    /// <summary>Goes on with the guest's code, by the signal frame.</summary>
    Run = 1,

    /// <summary>Raises a signal, so that there is a frame.</summary>
    Raise = 2,
}
