namespace Vitrine.Accelerators.Software;

/// <summary>What runs a guest's user code.</summary>
public enum UserCode
{
    /// <summary>The engine that runs the rest of the guest.</summary>
    Translated,

    /// <summary>The host's processor, wherever it can: in processes that can do nothing but compute, whose memory is the guest's.</summary>
    Native,

    /// <summary>The host's processor for programs that gain by it.</summary>
    Auto,
}
