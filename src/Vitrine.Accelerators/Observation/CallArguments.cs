using System.Globalization;

namespace Vitrine.Accelerators.Observation;

/// <summary>The decoded arguments of a call, in order, while they are gathered.</summary>
public sealed class CallArguments
{
    private readonly List<KeyValuePair<string, string>> _items = [];

    /// <summary>What was gathered.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Items => _items;

    /// <summary>Adds one in words.</summary>
    public CallArguments Add(string name, string value)
    {
        _items.Add(new(name, value));
        return this;
    }

    /// <summary>Adds a number in decimal.</summary>
    public CallArguments Number(string name, long value) => Add(name, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds a number in hexadecimal: addresses and registers.</summary>
    public CallArguments Hex(string name, ulong value) => Add(name, "0x" + value.ToString("x", CultureInfo.InvariantCulture));
}
