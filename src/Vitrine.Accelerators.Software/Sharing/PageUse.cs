namespace Vitrine.Accelerators.Software.Sharing;

/// <summary>What a vCPU has derived from a page of memory.</summary>
[Flags]
internal enum PageUse : uint
{
    /// <summary>Decoded or translated code.</summary>
    Code = 1,

    /// <summary>A shadow page table.</summary>
    Table = 2,
}
