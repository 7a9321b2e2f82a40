using Vitrine.Accelerators.Software.Cpu;

namespace Vitrine.Accelerators.Software.Mmu;

/// <summary>
/// The TLB's entries of pages with a protection key other than 0, by place. Their tags say what PKRU and IA32_PKRS allowed when they were
/// filled: a change of these drops the entries of the keys in question and no others, whose pages are most. A guest without keys never comes here.
/// </summary>
internal sealed unsafe class KeyedEntries(TlbEntry* entries, int count)
{
    // SAFETY: the places are of entries in the TLB's own tables, which live as long as it does.
    private const int Capacity = 512;
    private readonly int[] _places = new int[Capacity];
    private int _listed;

    /// <summary>Notes that an entry is being filled for a page with a key, over what it held.</summary>
    public void Note(TlbEntry* entry)
    {
        if (entry->Key != 0) return;
        if (_listed < Capacity) _places[_listed] = (int)(entry - entries);

        // Beyond its capacity the list is of no use, until everything in it has been dropped.
        _listed = Math.Min(_listed + 1, Capacity + 1);
    }

    /// <summary>Drops the entries of some keys.</summary>
    /// <param name="keys">Two bits for each, as in PKRU.</param>
    /// <returns>
    /// True when there may be a page of these keys in what was filled from the TLB, where it outlasts its entry: when any page with a key was listed.
    /// </returns>
    public bool Drop(uint keys)
    {
        if (_listed == 0) return false;
        if (_listed > Capacity)
        {
            DropAll();
            return true;
        }

        int kept = 0;
        for (int i = 0; i < _listed; i++)
        {
            TlbEntry* entry = entries + _places[i];

            // Meanwhile another page may have taken it.
            if (entry->Key == 0) continue;
            if (((keys >> (2 * entry->Key)) & 1) != 0) *entry = default;
            else _places[kept++] = _places[i];
        }

        _listed = kept;
        return true;
    }

    private void DropAll()
    {
        for (int i = 0; i < count; i++)
        {
            if (entries[i].Key != 0) entries[i] = default;
        }

        _listed = 0;
    }
}
