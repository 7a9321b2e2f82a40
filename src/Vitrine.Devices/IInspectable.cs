namespace Vitrine.Devices;

/// <summary>A device that shows its state: a flat list of named values, in a stable order.</summary>
public interface IInspectable
{
    /// <summary>Name of the node: "uart0", "pic", ...</summary>
    string Name { get; }

    /// <summary>Register and state values by name; reading has no side effect on the device.</summary>
    IEnumerable<KeyValuePair<string, string>> Inspect();
}
