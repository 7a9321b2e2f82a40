namespace Vitrine.X86.State;

/// <summary>A register by its name in the manuals, with its value.</summary>
/// <param name="Name">"RAX", "CS.base", "CR0", "XMM0", "IA32_EFER", "APIC[0x0F0]".</param>
/// <param name="Bits">Its width in bits: 1 to 128.</param>
/// <param name="Value">Its value, zero-extended.</param>
public readonly record struct RegisterValue(string Name, int Bits, UInt128 Value);
