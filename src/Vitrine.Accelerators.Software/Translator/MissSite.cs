using Vitrine.Accelerators.Software.HostCode;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// What stands behind a call of <see cref="EntryStubs.Read"/> or <see cref="EntryStubs.Write"/>: a NOP whose displacement says what the
/// access is. Offsets in bytes from its start.
/// </summary>
internal static class MissSite
{
    /// <summary>The instruction's offset in the page (16 bits).</summary>
    public const int Offset = 3;

    /// <summary>The access's size in bytes, less one (8 bits).</summary>
    public const int Size = 5;

    /// <summary>The number of its slot (8 bits).</summary>
    public const int Slot = 6;

    /// <summary>Bytes of the NOP.</summary>
    public const int Bytes = 7;

    /// <summary>Writes one.</summary>
    public static void Emit(ref CodeEmitter emitter, int offset, int size, int slot) =>
        emitter.NopWithData(offset | ((size - 1) << (8 * (Size - Offset))) | (slot << (8 * (Slot - Offset))));
}
