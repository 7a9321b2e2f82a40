using System.Reflection;
using System.Reflection.Emit;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.HostSignals;
using Xunit;

namespace Vitrine.Tests.Software.Translator;

/// <summary>Offsets that emitted code holds, against where the runtime has laid the fields of the same names.</summary>
public sealed class FieldOffsetTests
{
    private static readonly (Type Structure, Type Offsets)[] s_structures =
    [
        (typeof(CpuState), typeof(CpuOffsets)),
        (typeof(PageSlot), typeof(PageSlot.Offsets)),
        (typeof(TlbEntry), typeof(TlbEntry.Offsets)),
        (typeof(SegmentCache), typeof(SegmentCache.Offsets)),
        (typeof(SignalRecord), typeof(SignalRecord.Offsets)),
        (typeof(CodeRange), typeof(CodeRange.Offsets)),
        (typeof(HostFrame), typeof(HostFrame.Offsets)),
    ];

    public static TheoryData<string, string> Names => new(
        s_structures.SelectMany(structure => OffsetsOf(structure.Offsets).Select(offset => (structure.Structure.Name, offset.Name))));

    [Theory]
    [MemberData(nameof(Names))]
    public void AnOffsetIsThatOfItsField(string structure, string name)
    {
        (Type type, Type offsets) = s_structures.Single(entry => entry.Structure.Name == structure);
        Assert.Equal(OffsetOf(type, name), (int)offsets.GetField(name)!.GetValue(null)!);
    }

    [Fact]
    public unsafe void Structures_in_tables_have_the_sizes_that_shifts_say()
    {
        Assert.Equal(1 << PageSlot.SizeShift, sizeof(PageSlot));
        Assert.Equal(1 << TlbEntry.SizeShift, sizeof(TlbEntry));
    }

    private static FieldInfo[] OffsetsOf(Type offsets) => offsets.GetFields(BindingFlags.Public | BindingFlags.Static);

    /// <summary>Asks the runtime: the address of a field, less that of its structure.</summary>
    private static int OffsetOf(Type structure, string name)
    {
        DynamicMethod method = new(name, typeof(nint), [typeof(nint)], structure, skipVisibility: true);
        ILGenerator code = method.GetILGenerator();
        code.Emit(OpCodes.Ldarg_0);
        code.Emit(OpCodes.Ldflda, structure.GetField(name)!);
        code.Emit(OpCodes.Conv_U);
        code.Emit(OpCodes.Ret);
        byte[] memory = new byte[1 << 16];
        unsafe
        {
            // SAFETY: the structure would lie in the array; nothing of it is read.
            fixed (byte* start = memory) return (int)(method.CreateDelegate<Func<nint, nint>>()((nint)start) - (nint)start);
        }
    }
}
