using Vitrine.Accelerators.Software;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Software.Stacks;

/// <summary>
/// Every instruction that uses the stack, with every combination of operand size, address size and stack size, from stack pointers that wrap and that
/// carry into their upper half: what SDM vol. 2 says in pseudo-code for each.
/// </summary>
public sealed class StackWidthTests
{
    private const ulong Memory = StackMachine.Data;
    private const ulong MemoryValue = 0x8877_6655_4433_9000;
    private const ulong Flags = Rflags.Fixed | Rflags.CF | Rflags.OF | Rflags.IOPL;

    /// <summary>Stack pointers within 64 KiB: an ordinary one, one whose next push wraps, one whose next pop of 2, 4 or 8 bytes does.</summary>
    private static readonly ulong[] _pointers = [0x8000, 0, 0xFFFE, 0xFFFC, 0xFFF8];

    private static readonly Dictionary<string, Instruction> _instructions = new()
    {
        ["push r"] = new(static w => w.Encode(0x50), static m => m.Push(m.Registers[Gpr.Rax], m.Widths.Operand)),
        ["push sp"] = new(static w => w.Encode(0x54), static m => m.Push(m.Registers[Gpr.Rsp], m.Widths.Operand)),
        ["push imm8"] = new(static w => w.Encode(0x6A, 0xF0), static m => m.Push(unchecked((ulong)-16L), m.Widths.Operand)),
        ["push imm"] = new(static w => w.EncodeWithImmediate(0x68, 0x9234_5678, Math.Min(w.Operand, 4)), static m => m.Push(0xFFFF_FFFF_9234_5678, m.Widths.Operand)),
        ["push m"] = new(static w => w.Encode(0xFF, (byte)(0x30 | Bx(w))), static m => m.Push(MemoryValue, m.Widths.Operand)),
        ["push [sp+4]"] = new(
            static w => w.Encode(0xFF, 0x74, 0x24, 4), static m => m.Push(m.Read(m.AtStackRegister(4), m.Widths.Operand), m.Widths.Operand), IsBasedOnStack: true),

        // Of a doubleword slot the selector takes the lower half only ("recent Intel Core and Atom processors").
        ["push fs"] = new(static w => w.Encode(0x0F, 0xA0), static m => m.Push(StackMachine.StackSelector(32), m.Widths.Operand, m.Widths.Operand == 4 ? 2 : m.Widths.Operand)),
        ["pop r"] = new(static w => w.Encode(0x58), static m => m.SetRegister(Gpr.Rax, m.Pop(m.Widths.Operand), m.Widths.Operand)),
        ["pop sp"] = new(static w => w.Encode(0x5C), static m => m.SetRegister(Gpr.Rsp, m.Pop(m.Widths.Operand), m.Widths.Operand)),
        ["pop m"] = new(static w => w.Encode(0x8F, Bx(w)), static m => m.Write(Memory, m.Pop(m.Widths.Operand), m.Widths.Operand)),
        ["pop [sp+4]"] = new(static w => w.Encode(0x8F, 0x44, 0x24, 4), static m =>
        {
            ulong value = m.Pop(m.Widths.Operand);
            m.Write(m.AtStackRegister(4), value, m.Widths.Operand);
        }, IsBasedOnStack: true, Pops: true),
        ["pop fs"] = new(static w => w.Encode(0x0F, 0xA1), static m => m.Pop(m.Widths.Operand), static m => m.Write(m.StackLinear, StackMachine.StackSelector(16), 2)),
        ["pusha"] = new(static w => w.Code == 64 ? null : w.Encode(0x60), static m =>
        {
            ulong pointer = m.Registers[Gpr.Rsp];
            for (int i = Gpr.Rax; i <= Gpr.Rdi; i++) m.Push(i == Gpr.Rsp ? pointer : m.Registers[i], m.Widths.Operand);
        }),
        ["popa"] = new(static w => w.Code == 64 ? null : w.Encode(0x61), static m =>
        {
            for (int i = Gpr.Rdi; i >= Gpr.Rax; i--)
            {
                ulong value = m.Pop(m.Widths.Operand);
                if (i != Gpr.Rsp) m.SetRegister(i, value, m.Widths.Operand);
            }
        }),
        ["pushf"] = new(static w => w.Encode(0x9C), static m => m.Push(m.Rflags, m.Widths.Operand)),
        ["popf"] = new(
            static w => w.Encode(0x9D),
            static m => m.Rflags = StackModel.Merge(m.Rflags, m.Pop(m.Widths.Operand), m.Widths.Operand == 2 ? 2 : 4),
            static m => m.Write(m.StackLinear, Rflags.Fixed | Rflags.ZF, m.Widths.Operand)),
        ["leave"] = new(static w => w.Encode(0xC9), static m =>
        {
            m.Pointer = m.Registers[Gpr.Rbp];
            m.SetRegister(Gpr.Rbp, m.Pop(m.Widths.Operand), m.Widths.Operand);
        }),
        ["call rel"] = new(
            static w => IsOverridden64(w) ? null : w.EncodeWithImmediate(0xE8, StackMachine.Handler - StackMachine.Code - (ulong)(Prefixes(w) + CallLength(w)), Math.Min(w.Operand, 4)),
            static m => Call(m, CallLength(m.Widths))),
        ["call r"] = new(static w => IsOverridden64(w) ? null : w.Encode(0xFF, 0xD2), static m => Call(m, 2)),
        ["call m"] = new(
            static w => IsOverridden64(w) ? null : w.Encode(0xFF, (byte)(0x10 | Bx(w))), static m => Call(m, 2), static m => m.Write(Memory, StackMachine.Handler, 8)),
        ["call [sp+4]"] = new(
            static w => IsOverridden64(w) ? null : w.Encode(0xFF, 0x54, 0x24, 4),
            static m => Call(m, 4),
            static m => m.Write(m.AtStackRegister(4), StackMachine.Handler, m.Widths.Operand),
            IsBasedOnStack: true),
        ["ret"] = new(static w => IsOverridden64(w) ? null : w.Encode(0xC3), static m => m.Rip = m.Pop(m.Widths.Operand), static m => PutReturn(m, m.Widths.Operand)),
        ["ret n"] = new(static w => IsOverridden64(w) ? null : w.EncodeWithImmediate(0xC2, 0xFFF0, 2), static m =>
        {
            m.Rip = m.Pop(m.Widths.Operand);
            m.Pointer += 0xFFF0;
        }, static m => PutReturn(m, m.Widths.Operand)),
        ["call far"] = new(
            static w => w.Code == 64 ? null : w.Encode([0x9A, .. BitConverter.GetBytes(StackMachine.Handler).AsSpan(0, w.Far), .. Selector(w)]),
            static m => CallFar(m, 3 + m.Widths.Far)),
        ["call far m"] = new(static w => w.Encode(0xFF, (byte)(0x18 | Bx(w))), static m => CallFar(m, 2), static m =>
        {
            m.Write(Memory, StackMachine.Handler, m.Widths.Far);
            m.Write(Memory + (ulong)m.Widths.Far, StackMachine.CodeSelector(m.Widths.Code), 2);
        }),
        ["retf"] = new(static w => w.Encode(0xCB), static m => ReturnFar(m, 0), static m => PutReturn(m, m.Widths.Far)),
        ["retf n"] = new(static w => w.EncodeWithImmediate(0xCA, 0xFFF0, 2), static m => ReturnFar(m, 0xFFF0), static m => PutReturn(m, m.Widths.Far)),
        ["iret"] = new(static w => w.Encode(0xCF), static m =>
        {
            int size = m.Widths.Far;
            m.Rip = m.Pop(size);
            m.Pop(size);
            m.Rflags = StackModel.Merge(m.Rflags, m.Pop(size), Math.Min(size, 4));
            if (m.Widths.Code == 64) m.Registers[Gpr.Rsp] = m.Pop(size);
        }, static m =>
        {
            PutReturn(m, m.Widths.Far);
            PutOnStack(m, 2, m.Widths.Far, Rflags.Fixed | Rflags.ZF);
            PutOnStack(m, 3, m.Widths.Far, 0x8010);
            PutOnStack(m, 4, m.Widths.Far, StackMachine.StackSelector(32));
        }),
    };

    public static TheoryData<SoftwareEngine, string> Cases
    {
        get
        {
            TheoryData<SoftwareEngine, string> cases = [];
            foreach (SoftwareEngine engine in (SoftwareEngine[])[SoftwareEngine.Interpreter, SoftwareEngine.Translator])
            {
                foreach (string name in _instructions.Keys) cases.Add(engine, name);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void DoesWhatThePseudoCodeSays(SoftwareEngine engine, string name) => Check(engine, name, _instructions[name]);

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void EntersAtEveryNestingLevel(SoftwareEngine engine)
    {
        // The level counts modulo 32.
        for (int level = 0; level <= 33; level++)
        {
            int nesting = level % 32;
            byte encoded = (byte)level;
            Check(engine, $"enter 20h, {level}", new(w => w.Encode(0xC8, 0x20, 0, encoded), m => Enter(m, 0x20, nesting)));
        }
    }

    /// <summary>In 32-bit code on a 16-bit stack at its very top, as a public test suite of instructions has it.</summary>
    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void EnterKeepsTheUpperHalfOfTheFramePointer(SoftwareEngine engine)
    {
        StackWidths widths = new(32, false, false, 16);
        using StackMachine machine = new(engine);
        StackModel start = Start(widths, [0xC8, 0x08, 0x00, 0x24], 0);
        start.Registers[Gpr.Rsp] = 0x10000;
        start.Registers[Gpr.Rbp] = 0x1FFEC;
        byte[] memory = machine.Run(start);
        StackModel after = new(widths, memory);
        Assert.Equal((0x1FFFCUL, 0x1FFE4UL), (machine.State.Gpr[Gpr.Rbp], machine.State.Gpr[Gpr.Rsp]));
        Assert.Equal((0x1FFFCUL, 0x1FFECUL), (after.ReadStack(0xFFEC, 4), after.ReadStack(0xFFFC, 4)));
    }

    private static void Check(SoftwareEngine engine, string name, Instruction instruction)
    {
        using StackMachine machine = new(engine);
        int run = 0;
        foreach (StackWidths widths in StackWidths.All)
        {
            byte[]? code = instruction.Encode(widths);

            // [SP] is no address of 16 bits.
            if (code is null || (instruction.IsBasedOnStack && widths.Address == 2)) continue;
            foreach (ulong pointer in _pointers)
            {
                if (WouldFault(instruction, widths, pointer)) continue;
                StackModel start = Start(widths, code, pointer);
                if (instruction.IsBasedOnStack) start.Registers[Gpr.Rsp] &= widths.Stack == 16 ? 0xFFFF : uint.MaxValue;
                instruction.Prepare?.Invoke(start);
                StackModel expected = Start(widths, [], pointer);
                start.Memory.CopyTo(expected.Memory, 0);
                start.Registers.CopyTo(expected.Registers, 0);
                expected.Rip = StackMachine.Code + (ulong)code.Length;
                instruction.Expected(expected);
                byte[] memory = machine.Run(start);
                string differences = machine.Differences(expected, memory);
                Assert.True(differences.Length == 0, $"{name} with {widths}, SP {pointer:x}: {differences}");
                run++;
            }
        }

        Assert.True(run > 10, $"{name} was run {run} times");
    }

    /// <summary>An element that lies across the end of a 16-bit stack's segment is #SS, as is an operand behind it: no case of these.</summary>
    private static bool WouldFault(Instruction instruction, StackWidths widths, ulong pointer)
    {
        if (widths.Stack != 16) return false;
        if (pointer % (ulong)widths.Operand != 0 || pointer % (ulong)widths.Far != 0) return true;
        ulong operand = (ushort)(pointer + (instruction.Pops ? (ulong)widths.Operand : 0)) + 4UL;
        return instruction.IsBasedOnStack && operand + (ulong)widths.Operand > 0x1_0000;
    }

    private static StackModel Start(StackWidths widths, ReadOnlySpan<byte> code, ulong pointer)
    {
        StackModel start = new(widths, StackMachine.Image(code)) { Rflags = Flags };
        for (int i = 0; i < 16; i++) start.Registers[i] = widths.Code == 64 ? 0x1111_2222_3333_0000UL + ((ulong)i << 8) : 0x3333_0000UL + ((ulong)i << 8);
        start.Registers[Gpr.Rbx] = Memory;
        start.Registers[Gpr.Rdx] = StackMachine.Handler;
        start.Registers[Gpr.Rsp] = (widths.Stack == 16 ? 0xABCD_0000 : StackMachine.Stack16Base) + pointer;
        start.Registers[Gpr.Rbp] = widths.Stack == 16 ? 0x5678_0040UL : StackMachine.Stack16Base + 0x40;
        start.Write(Memory, MemoryValue, 8);
        return start;
    }

    private static byte Bx(StackWidths widths) => widths.Address == 2 ? (byte)7 : (byte)3;

    private static byte[] Selector(StackWidths widths) => BitConverter.GetBytes(StackMachine.CodeSelector(widths.Code));

    /// <summary>What near branches do with a prefix 66 in 64-bit code differs between Intel (ignored) and AMD (a 16-bit target).</summary>
    private static bool IsOverridden64(StackWidths widths) => widths.Code == 64 && widths.OperandPrefix;

    private static int Prefixes(StackWidths widths) => widths.Encode().Length;

    private static int CallLength(StackWidths widths) => 1 + Math.Min(widths.Operand, 4);

    private static void Call(StackModel m, int length)
    {
        m.Push(StackMachine.Code + (ulong)(Prefixes(m.Widths) + length), m.Widths.Operand);
        m.Rip = StackMachine.Handler;
    }

    private static void CallFar(StackModel m, int length)
    {
        m.Push(StackMachine.CodeSelector(m.Widths.Code), m.Widths.Far);
        m.Push(StackMachine.Code + (ulong)(Prefixes(m.Widths) + length), m.Widths.Far);
        m.Rip = StackMachine.Handler;
    }

    private static void ReturnFar(StackModel m, ulong release)
    {
        m.Rip = m.Pop(m.Widths.Far);
        m.Pop(m.Widths.Far);
        m.Pointer += release;
    }

    private static void PutReturn(StackModel m, int size)
    {
        PutOnStack(m, 0, size, StackMachine.Handler);
        PutOnStack(m, 1, size, StackMachine.CodeSelector(m.Widths.Code));
    }

    private static void PutOnStack(StackModel m, int index, int size, ulong value) => m.Write(m.StackLinearAt(index * size), value, size);

    // The pseudo-code of ENTER, whose FrameTemp is the whole register and whose display is read through rBP of the stack's width.
    private static void Enter(StackModel m, ulong allocated, int nesting)
    {
        int size = m.Widths.Operand;
        m.Push(m.Registers[Gpr.Rbp], size);
        ulong frame = m.Registers[Gpr.Rsp];
        ulong display = m.Registers[Gpr.Rbp];
        for (int i = 1; i < nesting; i++)
        {
            display -= (ulong)size;
            m.Push(m.ReadStack(display, size), size);
        }

        if (nesting > 0) m.Push(frame, size);
        m.SetRegister(Gpr.Rbp, frame, size);
        m.Pointer -= allocated;
    }

    /// <param name="Encode">The bytes for given sizes; null where there is no such instruction.</param>
    /// <param name="Expected">What the manual says it does.</param>
    /// <param name="Prepare">Puts operands into memory.</param>
    /// <param name="IsBasedOnStack">Its operand is 4 bytes from ESP or RSP.</param>
    /// <param name="Pops">It is so from what the register is after a pop.</param>
    private sealed record Instruction(
        Func<StackWidths, byte[]?> Encode, Action<StackModel> Expected, Action<StackModel>? Prepare = null, bool IsBasedOnStack = false, bool Pops = false);
}
