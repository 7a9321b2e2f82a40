using Vitrine.Accelerators.Software;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Software.Stacks;

/// <summary>
/// Transfers between privilege levels and tasks whose gates, TSSs and stacks are of 16 and of 32 bits: SDM vol. 2, INT n, CALL, RET and IRET; vol. 3, 8.3 and
/// 22.4 "Transferring Control Among Mixed-Size Code Segments". A 16-bit stack pointer is SP: what is above it stays as the code before had it.
/// </summary>
public sealed class StackSwitchTests
{
    private const ulong Flags = Rflags.Fixed | Rflags.CF | Rflags.IOPL;
    private const ulong Inner16 = 0x1234_4000;
    private const ulong OuterUpper = 0xABCD_0000;
    private static readonly int[] _widths = [16, 32];

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void InterruptsPushOnTheSameStack(SoftwareEngine engine)
    {
        using StackMachine machine = new(engine);
        foreach (byte type in (byte[])[DescriptorType.InterruptGate16, DescriptorType.TrapGate16, DescriptorType.InterruptGate, DescriptorType.TrapGate])
        {
            foreach ((int code, int stack) in Pairs())
            {
                foreach (ulong pointer in (ulong[])[0x8000, 0, 4])
                {
                    StackModel start = Start(code, stack, [0xCD, StackMachine.Vector], pointer);
                    StackMachine.SetGate(start.Memory, StackMachine.Vector, GateDescriptor.Create(type, StackMachine.CodeSelector(32), StackMachine.Handler, 3));
                    StackModel expected = Copy(start);
                    int width = WidthOf(type);
                    expected.Push(Flags, width);
                    expected.Push(StackMachine.CodeSelector(code), width);
                    expected.Push(StackMachine.Code + 2, width);
                    expected.Rip = StackMachine.Handler;

                    // A doubleword at the end of 64 KiB would be #SS.
                    if (stack == 16 && pointer % (ulong)width != 0) continue;
                    Check(machine, start, expected, 0, $"gate {type} from {code}-bit code, stack {stack}, SP {pointer:x}");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void InterruptsSwitchToTheInnerStack(SoftwareEngine engine)
    {
        using StackMachine machine = new(engine);
        foreach (byte type in (byte[])[DescriptorType.InterruptGate16, DescriptorType.TrapGate16, DescriptorType.InterruptGate, DescriptorType.TrapGate])
        {
            foreach ((int outer, int inner) in Pairs())
            {
                foreach (bool tss16 in (bool[])[false, true])
                {
                    StackModel start = Start(32, outer, [0xCD, StackMachine.Vector], 0x8000, cpl: 3);
                    StackMachine.SetGate(start.Memory, StackMachine.Vector, GateDescriptor.Create(type, StackMachine.CodeSelector(32), StackMachine.Handler, 3));
                    SetInnerStack(start, inner, tss16);
                    StackModel expected = Copy(start);
                    int width = WidthOf(type);
                    EnterInnerStack(expected, inner);
                    expected.Push(StackMachine.StackSelector(outer, 3), width);
                    expected.Push(start.Registers[Gpr.Rsp], width);
                    expected.Push(Flags, width);
                    expected.Push(StackMachine.CodeSelector(32, 3), width);
                    expected.Push(StackMachine.Code + 2, width);
                    expected.Rip = StackMachine.Handler;
                    Check(machine, start, expected, 3, $"gate {type} from stack {outer} to {inner}, TSS of {(tss16 ? 16 : 32)} bits", tss16);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void CallGatesCopyParametersOfTheirOwnSize(SoftwareEngine engine)
    {
        using StackMachine machine = new(engine);
        foreach (byte type in (byte[])[DescriptorType.CallGate16, DescriptorType.CallGate])
        {
            foreach ((int outer, int inner) in Pairs())
            {
                // The parameters of the last lie on both sides of the end of 64 KiB.
                foreach ((byte count, ulong pointer) in ((byte, ulong)[])[(0, 0x8000), (2, 0x8000), (31, 0x8000), (5, 0xFFF8)])
                {
                    byte[] call = [0x9A, 0, 0, 0, 0, (byte)(StackMachine.GateSelector | 3), 0];
                    StackModel start = Start(32, outer, call, pointer, cpl: 3);
                    StackMachine.SetGate(start.Memory, GateDescriptor.Create(type, StackMachine.CodeSelector(32), StackMachine.Handler, 3, count));
                    SetInnerStack(start, inner, tss16: false);
                    StackModel expected = Copy(start);
                    int width = WidthOf(type);
                    ulong[] parameters = [.. Enumerable.Range(0, count).Select(i => start.ReadStack(start.Pointer + (ulong)(i * width), width))];
                    EnterInnerStack(expected, inner);
                    expected.Push(StackMachine.StackSelector(outer, 3), width);
                    expected.Push(start.Registers[Gpr.Rsp], width);
                    for (int i = count - 1; i >= 0; i--) expected.Push(parameters[i], width);
                    expected.Push(StackMachine.CodeSelector(32, 3), width);
                    expected.Push(StackMachine.Code + (ulong)call.Length, width);
                    expected.Rip = StackMachine.Handler;
                    Check(machine, start, expected, 3, $"gate {type} with {count} parameters from stack {outer} to {inner}");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void ReturnsToAnOuterLevelLoadAsMuchOfTheStackPointerAsItsStackUses(SoftwareEngine engine)
    {
        using StackMachine machine = new(engine);
        foreach (string name in (string[])["retf", "retf n", "iret"])
        {
            foreach (StackWidths widths in StackWidths.All.Where(static w => w.Code != 64))
            {
                foreach (int outer in _widths)
                {
                    byte[] code = name switch
                    {
                        "retf" => widths.Encode(0xCB),
                        "iret" => widths.Encode(0xCF),
                        _ => widths.EncodeWithImmediate(0xCA, 8, 2),
                    };
                    ulong release = name == "retf n" ? 8UL : 0;
                    int size = widths.Far;
                    StackModel start = Start(widths.Code, widths.Stack, code, 0x8000);
                    ulong popped = outer == 16 ? 0x7654_6000UL : 0x2_6000;
                    ulong[] frame = name == "iret"
                        ? [StackMachine.Handler, StackMachine.CodeSelector(32, 3), Rflags.Fixed | Rflags.ZF | Rflags.IOPL, popped, StackMachine.StackSelector(outer, 3)]
                        : [StackMachine.Handler, StackMachine.CodeSelector(32, 3), popped, StackMachine.StackSelector(outer, 3)];
                    ulong at = start.StackLinear;
                    for (int i = 0; i < frame.Length; i++)
                    {
                        start.Write(at, frame[i], size);

                        // The parameters lie between the return address and the outer stack pointer.
                        at += (ulong)size + (i == 1 ? release : 0);
                    }

                    StackModel expected = Copy(start);
                    expected.StackBits = outer;
                    expected.Pointer = StackModel.Truncate(popped, size) + release;
                    expected.Rip = StackMachine.Handler;
                    if (name == "iret") expected.Rflags = StackModel.Merge(start.Rflags, Rflags.Fixed | Rflags.ZF | Rflags.IOPL, size);
                    Check(machine, start, expected, 0, $"{name} with {widths} to stack {outer}");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void Virtual8086ModeIsLeftAndEnteredThroughStacksOfBothSizes(SoftwareEngine engine)
    {
        using StackMachine machine = new(engine);
        foreach (int inner in _widths)
        {
            // Into it: nine doublewords, ESP of all 32 bits.
            StackModel start = Start(32, inner, [0xCF], 0x8000);
            ulong flags = Rflags.Fixed | Rflags.VM | Rflags.IOPL;
            ulong[] frame = [StackMachine.Handler, 0, flags, 0x7654_0800, 0x2000, 0x101, 0x102, 0x103, 0x104];
            for (int i = 0; i < frame.Length; i++) start.Write(start.StackLinearAt(4 * i), frame[i], 4);
            StackModel expected = Copy(start);
            expected.Registers[Gpr.Rsp] = 0x7654_0800;
            expected.Rip = StackMachine.Handler;
            expected.Rflags = flags;
            Check(machine, start, expected, 0, $"IRET to virtual-8086 mode from stack {inner}");

            foreach (byte type in (byte[])[DescriptorType.InterruptGate16, DescriptorType.InterruptGate])
            {
                // Out of it: the code is 16-bit, its stack at 2000h:0800h.
                start = Start(16, 16, [0xCD, StackMachine.Vector], 0x800, cpl: 3);
                start.Rflags = flags;
                StackMachine.SetGate(start.Memory, StackMachine.Vector, GateDescriptor.Create(type, StackMachine.CodeSelector(32), StackMachine.Handler, 3));
                SetInnerStack(start, inner, tss16: false);
                expected = Copy(start);
                int width = WidthOf(type);
                EnterInnerStack(expected, inner);
                foreach (ulong selector in (ulong[])[0x104, 0x103, 0x102, 0x101, 0x2000, start.Registers[Gpr.Rsp], flags, 0, StackMachine.Code + 2]) expected.Push(selector, width);
                expected.Rflags = Rflags.Fixed | Rflags.IOPL;
                expected.Rip = StackMachine.Handler;
                Check(machine, start, expected, 3, $"gate {type} from virtual-8086 mode to stack {inner}", change: static state =>
                {
                    int[] selectors = [0x101, 0, 0x2000, 0x102, 0x103, 0x104];
                    for (int i = Seg.Es; i <= Seg.Gs; i++) state.Segments[i] = new((ushort)selectors[i], (ulong)selectors[i] << 4, 0xFFFF, 0xF3);
                });
            }
        }
    }

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void TasksOfBothSizesSaveAndLoadWhatTheirTssHolds(SoftwareEngine engine)
    {
        using StackMachine machine = new(engine);
        foreach ((int old, int next) in Pairs())
        {
            foreach ((int code, int stack) in Pairs())
            {
                foreach (bool call in (bool[])[false, true])
                {
                    ushort target = next == 16 ? StackMachine.Task16Selector : StackMachine.Task32Selector;
                    byte[] transfer = new StackWidths(code, code == 16, false, stack).Encode([call ? (byte)0x9A : (byte)0xEA, 0, 0, 0, 0, (byte)target, 0]);
                    StackModel start = Start(code, stack, transfer, 0x8000);
                    TssImage to = new(next);
                    PutTask(start, to, stack);
                    byte[] memory = machine.Run(start, tss16: old == 16);
                    StackModel after = new(start.Widths, memory);
                    string name = $"{(call ? "call" : "jmp")} from a TSS of {old} bits to one of {next}, {code}-bit code, stack {stack}";

                    // What was saved.
                    TssImage from = new(old);
                    for (int i = 0; i < 8; i++) Equal(StackModel.Truncate(start.Registers[i], from.Size), after.Read(StackMachine.Tss + from.Register(i), from.Size), name);
                    Equal(StackMachine.Code + (ulong)transfer.Length, after.Read(StackMachine.Tss + from.Ip, from.Size), name);
                    Equal(Flags, after.Read(StackMachine.Tss + from.Flags, from.Size), name);
                    Equal(StackMachine.StackSelector(stack), after.Read(StackMachine.Tss + from.Selector(Seg.Ss), 2), name);

                    // What was loaded. The upper halves are undefined after a 16-bit task is entered (SDM vol. 3, 8.6).
                    for (int i = 0; i < 8; i++) Equal(StackModel.Truncate(TaskRegister(i, stack), to.Size), StackModel.Truncate(machine.State.Gpr[i], to.Size), name);
                    Equal(StackMachine.Handler, machine.State.Rip, name);
                    Equal(Rflags.Fixed | (call ? Rflags.NT : 0), machine.State.Rflags, name);
                    Equal(StackMachine.StackSelector(stack), machine.State.Segments[Seg.Ss].Selector, name);
                    Equal(to.Size == 4 ? StackMachine.StackSelector(32) : 0UL, machine.State.Segments[Seg.Fs].Selector, name);
                    Equal(call ? (old == 16 ? StackMachine.Tss16Selector : StackMachine.Tss32Selector) : 0UL, after.Read(StackMachine.Task2, 2), name);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void TaskGatesPushTheErrorCodeInTheSizeOfTheNewTask(SoftwareEngine engine)
    {
        const int GeneralProtection = 13;
        const byte BadSelector = 0xE0; // behind the GDT's end: #GP(E0)
        using StackMachine machine = new(engine);
        foreach ((int next, int stack) in Pairs())
        {
            // The upper half of ESP is undefined.
            if (next == 16 && stack == 32) continue;
            StackModel start = Start(32, 32, [0xB8, BadSelector, 0, 0, 0, 0x8E, 0xC0], 0x8000); // mov eax, E0h; mov es, ax
            ushort target = next == 16 ? StackMachine.Task16Selector : StackMachine.Task32Selector;
            StackMachine.SetGate(start.Memory, GeneralProtection, GateDescriptor.Create(DescriptorType.TaskGate, target, 0, 0));
            TssImage to = new(next);
            PutTask(start, to, stack);
            byte[] memory = machine.Run(start);
            StackModel after = new(start.Widths with { Stack = stack }, memory);
            after.Registers[Gpr.Rsp] = machine.State.Gpr[Gpr.Rsp];
            string name = $"a TSS of {next} bits, stack {stack}";
            after.StackBits = stack;
            Equal(StackModel.Truncate(TaskRegister(Gpr.Rsp, stack) - (ulong)to.Size, stack / 8), after.Pointer, name);
            Equal(BadSelector, after.ReadStack(after.Pointer, to.Size), name);
        }
    }

    private static ulong TaskRegister(int number, int stack) => number == Gpr.Rsp && stack == 32 ? 0x2_5504 : 0x9876_5500 + (ulong)number;

    private static void PutTask(StackModel model, TssImage tss, int stack)
    {
        for (ulong i = 0; i < 0x68; i++) model.Write(StackMachine.Task2 + i, 0, 1);
        for (int i = 0; i < 8; i++) model.Write(StackMachine.Task2 + tss.Register(i), TaskRegister(i, stack), tss.Size);
        model.Write(StackMachine.Task2 + tss.Ip, StackMachine.Handler, tss.Size);
        model.Write(StackMachine.Task2 + tss.Flags, Rflags.Fixed, tss.Size);
        for (int i = Seg.Es; i <= (tss.Size == 4 ? Seg.Gs : Seg.Ds); i++)
        {
            ushort selector = i == Seg.Cs ? StackMachine.CodeSelector(32) : StackMachine.StackSelector(i == Seg.Ss ? stack : 32);
            model.Write(StackMachine.Task2 + tss.Selector(i), selector, 2);
        }
    }

    private static void SetInnerStack(StackModel model, int inner, bool tss16)
    {
        ulong pointer = inner == 16 ? Inner16 : StackMachine.LowStack;
        if (tss16)
        {
            model.Write(StackMachine.Tss + 2, pointer, 2);
            model.Write(StackMachine.Tss + 4, StackMachine.StackSelector(inner), 2);
            return;
        }

        model.Write(StackMachine.Tss + 4, pointer, 4);
        model.Write(StackMachine.Tss + 8, StackMachine.StackSelector(inner), 2);
    }

    private static void EnterInnerStack(StackModel model, int inner)
    {
        model.StackBits = inner;
        model.Pointer = inner == 16 ? Inner16 : StackMachine.LowStack;
    }

    private static int WidthOf(byte type) => (type & 8) != 0 ? 4 : 2;

    private static IEnumerable<(int First, int Second)> Pairs() => from first in _widths from second in _widths select (first, second);

    private static StackModel Start(int code, int stack, ReadOnlySpan<byte> instruction, ulong pointer, int cpl = 0)
    {
        StackModel start = new(new StackWidths(code, false, false, stack), StackMachine.Image(instruction)) { Rflags = Flags };
        for (int i = 0; i < 8; i++) start.Registers[i] = 0x3333_0000UL + ((ulong)i << 8) + (ulong)cpl;
        start.Registers[Gpr.Rsp] = (stack == 16 ? OuterUpper : StackMachine.Stack16Base) + pointer;
        return start;
    }

    private static StackModel Copy(StackModel start)
    {
        StackModel copy = new(start.Widths, [.. start.Memory]) { Rflags = start.Rflags };
        start.Registers.CopyTo(copy.Registers, 0);
        return copy;
    }

    private static void Check(
        StackMachine machine, StackModel start, StackModel expected, int cpl, string name, bool tss16 = false, Action<ProcessorState>? change = null)
    {
        byte[] memory = machine.Run(start, cpl, tss16, change);
        string differences = machine.Differences(expected, memory);
        Assert.True(differences.Length == 0, $"{name}: {differences}");
    }

    private static void Equal(ulong expected, ulong actual, string name) => Assert.True(expected == actual, $"{name}: {actual:x}, not {expected:x}");

    /// <summary>Where a TSS of 16 or 32 bits keeps what (SDM vol. 3, figures 8-2 and 8-10).</summary>
    private sealed class TssImage(int bits)
    {
        public int Size => bits / 8;

        public ulong Ip => bits == 32 ? 0x20u : 0x0E;

        public ulong Flags => bits == 32 ? 0x24u : 0x10;

        public ulong Register(int number) => (bits == 32 ? 0x28UL : 0x12) + (ulong)(number * Size);

        public ulong Selector(int number) => (bits == 32 ? 0x48UL : 0x22) + (ulong)(number * Size);
    }
}
