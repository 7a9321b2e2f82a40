using Vitrine.X86.Exceptions;

namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>Who wants to do what.</summary>
internal readonly record struct AccessKind(bool Write, bool Fetch, bool User, bool Ac)
{
    /// <summary>The bits of a page fault's error code that follow from the access (SDM vol. 3, 4.7).</summary>
    public uint ErrorCode(bool reportsFetch) =>
        (Write ? PageFaultError.WR : 0) | (User ? PageFaultError.US : 0) | (Fetch && reportsFetch ? PageFaultError.ID : 0);
}
