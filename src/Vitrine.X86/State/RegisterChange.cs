using System.Globalization;

namespace Vitrine.X86.State;

/// <summary>A register that differs between two states.</summary>
/// <param name="Name">Its name in the manuals, as <see cref="RegisterNames"/> gives it.</param>
/// <param name="Bits">Its width in bits: 1 to 128.</param>
/// <param name="Before">Its value in the first state.</param>
/// <param name="After">Its value in the second one.</param>
public readonly record struct RegisterChange(string Name, int Bits, UInt128 Before, UInt128 After)
{
    /// <summary>True for a register that changes by itself as time passes: the time-stamp counter, the local APIC's current count.</summary>
    public bool IsClock => Name is RegisterNames.TimeStampCounter or RegisterNames.ApicCurrentCount;

    /// <summary>A value of this register in hexadecimal, with as many digits as it is wide.</summary>
    public string Hex(UInt128 value) => value.ToString("x" + ((Bits + 3) / 4).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Hex(Before)} -> {Hex(After)}";
}
