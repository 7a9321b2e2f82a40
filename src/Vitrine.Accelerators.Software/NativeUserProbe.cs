using Vitrine.Accelerators.Software.NativeUser;

namespace Vitrine.Accelerators.Software;

/// <summary>Whether a guest's user code can run on this host's processor, see <see cref="UserCode"/>.</summary>
public static class NativeUserProbe
{
    /// <summary>Tries what is needed: starts a process, takes everything from it, and ends it. Some milliseconds.</summary>
    /// <returns>What the host refuses, as in "The host refuses ..."; null where it refuses nothing.</returns>
    public static string? FindRefusal()
    {
        if (!SoftwareAccelerator.HostHasTranslator) return "to be Linux on x86-64";
        using StubProcess? stub = StubProcess.TryStart([], out string refused);
        return stub is null ? refused : null;
    }
}
