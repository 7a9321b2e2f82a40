using Vitrine.Memory;

namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>The memory objects of a machine, in the order in which a stub has their descriptors.</summary>
internal sealed unsafe class MemoryObjects
{
    // SAFETY: addresses are only compared.

    /// <summary>The most that a stub gets.</summary>
    public const int Limit = 8;

    private readonly List<HostMapping> _mappings = [];

    /// <summary>Those of some slots.</summary>
    public MemoryObjects(IEnumerable<MemorySlot> slots)
    {
        foreach (MemorySlot slot in slots)
        {
            if (slot.Host.File is not null && !_mappings.Contains(slot.Host) && _mappings.Count < Limit) _mappings.Add(slot.Host);
        }
    }

    /// <summary>How many there are.</summary>
    public int Count => _mappings.Count;

    /// <summary>Their descriptors in this process.</summary>
    public int[] Descriptors => [.. _mappings.Select(static mapping => (int)mapping.File!.DangerousGetHandle())];

    /// <summary>The object that a page of host memory belongs to.</summary>
    /// <param name="host">Address of the page.</param>
    /// <param name="offset">The page's offset in the object.</param>
    /// <returns>Its descriptor in a stub; -1 where it belongs to none.</returns>
    public int Find(byte* host, out ulong offset)
    {
        for (int i = 0; i < _mappings.Count; i++)
        {
            offset = (ulong)(host - _mappings[i].Pointer);
            if (offset < _mappings[i].Size) return StubLayout.FirstMemoryDescriptor + i;
        }

        offset = 0;
        return -1;
    }
}
