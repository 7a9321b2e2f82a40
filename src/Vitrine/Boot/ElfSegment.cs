namespace Vitrine.Boot;

/// <summary>A program header (System V ABI, "Program Header"), of either class.</summary>
/// <param name="Type">p_type.</param>
/// <param name="Offset">p_offset: where its bytes are in the file.</param>
/// <param name="VirtualAddress">p_vaddr.</param>
/// <param name="PhysicalAddress">p_paddr: where they go.</param>
/// <param name="FileSize">p_filesz.</param>
/// <param name="MemorySize">p_memsz: what exceeds p_filesz is zero.</param>
/// <param name="Alignment">p_align.</param>
internal readonly record struct ElfSegment(
    uint Type, ulong Offset, ulong VirtualAddress, ulong PhysicalAddress, ulong FileSize, ulong MemorySize, ulong Alignment)
{
    /// <summary>PT_LOAD: goes to memory.</summary>
    internal const uint Load = 1;

    /// <summary>PT_NOTE: notes for the loader.</summary>
    internal const uint Note = 4;
}
