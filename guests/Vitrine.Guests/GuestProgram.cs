using Vitrine.Boot;
using Vitrine.X86;

namespace Vitrine.Guests;

/// <summary>A small guest of our own: its code, and what it does that can be seen from outside.</summary>
/// <param name="Name">What it is called in test names and messages.</param>
/// <param name="Mode">The mode it starts in.</param>
/// <param name="Code">Its code and data, to be loaded at <see cref="Address"/>; the entry is the first byte.</param>
/// <param name="End">How it ends.</param>
public sealed record GuestProgram(string Name, FlatMode Mode, ReadOnlyMemory<byte> Code, GuestEnd End)
{
    /// <summary>Where every guest is loaded: with segment bases of zero also reachable in real mode.</summary>
    public static Gpa Address { get; } = new(0x8000);

    /// <summary>What it writes to port 0xF4, for <see cref="GuestEnd.DebugExit"/>.</summary>
    public byte ExitValue { get; init; }

    /// <summary>What it sends on the serial port before it ends.</summary>
    public string Serial { get; init; } = "";

    /// <summary>
    /// What it uses that KVM can't do where it emulates ring 0 instead of running it; null when it runs there too.
    /// Found by running the guest on such a KVM.
    /// </summary>
    public string? EmulatingKvmLacks { get; init; }

    /// <summary>The guest as something to boot.</summary>
    public BootSource ToBootSource() => new BootSource.FlatBytes(Code, Address, Address.Value, Mode);

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({Mode})";
}
