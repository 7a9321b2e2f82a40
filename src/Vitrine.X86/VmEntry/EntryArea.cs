using System.Collections.Immutable;

namespace Vitrine.X86.VmEntry;

/// <summary>The values of a VMCS or VMCB. A field is known, chosen by the host, or missing (a dump doesn't have it).</summary>
public abstract class EntryArea
{
    private readonly ulong[] _values;
    private readonly Presence[] _presence;
    private readonly string?[] _notes;

    private protected EntryArea(ImmutableArray<EntryField> fields)
    {
        Fields = fields;
        _values = new ulong[fields.Length];
        _presence = new Presence[fields.Length];
        _notes = new string?[fields.Length];
    }

    private enum Presence : byte
    {
        Missing,
        Known,
        ChosenByHost,
    }

    /// <summary>All fields that the kind of area has, in the manual's order.</summary>
    public ImmutableArray<EntryField> Fields { get; }

    /// <summary>The fields that are known or chosen by the host, in the manual's order.</summary>
    public IEnumerable<EntryValue> Values
    {
        get
        {
            for (int i = 0; i < Fields.Length; i++)
            {
                if (_presence[i] != Presence.Missing)
                    yield return new EntryValue(Fields[i], _presence[i] == Presence.Known ? _values[i] : null, _notes[i]);
            }
        }
    }

    private protected bool TryGet(int index, out ulong value)
    {
        value = _values[index];
        return _presence[index] == Presence.Known;
    }

    private protected bool IsChosenByHost(int index) => _presence[index] == Presence.ChosenByHost;

    private protected void Set(int index, ulong value, string? note)
    {
        if (value > Fields[index].Maximum)
            throw new ArgumentOutOfRangeException(nameof(value), $"{Fields[index].Key} has {Fields[index].Bits} bits.");
        _values[index] = value;
        _presence[index] = Presence.Known;
        _notes[index] = note;
    }

    private protected void LeaveToHost(int index, string note)
    {
        _values[index] = 0;
        _presence[index] = Presence.ChosenByHost;
        _notes[index] = note;
    }

    private protected void Remove(int index)
    {
        _values[index] = 0;
        _presence[index] = Presence.Missing;
        _notes[index] = null;
    }
}
