using System.Runtime.InteropServices;

namespace Vitrine.Tests.Differential;

/// <summary>Registers, exception and the two writable pages behind a case.</summary>
// SAFETY: the struct is as long as its stride says.
[StructLayout(LayoutKind.Explicit, Size = OracleLayout.OutcomeStride)]
internal unsafe struct OracleOutcome
{
    public const int DataOffset = MachineImage.Size;

    [FieldOffset(0)]
    public MachineImage Image;

    [FieldOffset(DataOffset)]
    public fixed byte Data[OracleLayout.DataSize];
}
