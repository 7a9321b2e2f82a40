using System.Buffers.Binary;
using Vitrine.X86;
using Vitrine.X86.Paging;

namespace Vitrine.Explain.Fetch;

/// <summary>Guest memory as the page walker reads it for an explanation: nothing is ever written.</summary>
internal readonly struct GuestTables(IExplainedMemory memory) : IPageTableMemory
{
    /// <inheritdoc/>
    public bool TryRead(ulong gpa, int size, out ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        bool found = memory.TryRead(new Gpa(gpa), bytes[..size]);
        value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        return found;
    }

    /// <inheritdoc/>
    public bool TryCompareExchange(ulong gpa, int size, ulong expected, ulong desired) => false;
}
