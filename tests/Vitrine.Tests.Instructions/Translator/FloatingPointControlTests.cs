using System.Buffers.Binary;
using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.Tests.Software.FloatingPoint;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Translator;

/// <summary>
/// The guest's rounding, its denormals and its precision are the guest's, at whatever moment it changes them; and the host's are the host's at every way
/// out (SDM vol. 1, 8.1.5 and 10.2.3).
/// </summary>
public abstract class FloatingPointControlTests(SoftwareEngine engine)
{
    private const int Data = 0xE000;
    private const uint Masked = 0x1F80;
    private const uint FlushToZero = 0x8000;
    private const uint DenormalsAreZero = 0x40;

    public sealed class Interpreted() : FloatingPointControlTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : FloatingPointControlTests(SoftwareEngine.Translator);

    [Theory]
    [InlineData(0, 2, -2)]
    [InlineData(1, 2, -3)]
    [InlineData(2, 3, -2)]
    [InlineData(3, 2, -2)]
    public void Rounding(int mode, int ofTwoAndAHalf, int ofItsNegative)
    {
        // One loop goes through all modes; what each gives is counted where the mode is the wanted one.
        using M m = new(engine: engine);
        m.Store(Data, 0x4004_0000_0000_0000, 8);
        m.Store(Data + 8, 0xC004_0000_0000_0000, 8);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            Label skip = a.CreateLabel();
            a.mov(ebp, 400);
            a.Label(ref loop);
            a.mov(ecx, ebp);
            a.and(ecx, 3);
            a.mov(eax, ecx);
            a.shl(eax, 13);
            a.or(eax, (int)Masked);
            a.mov(__dword_ptr[Data + 16], eax);
            a.ldmxcsr(__dword_ptr[Data + 16]);
            a.mov(eax, ecx);
            a.shl(eax, 10);
            a.or(eax, 0x37F);
            a.mov(__dword_ptr[Data + 20], eax);
            a.fldcw(__word_ptr[Data + 20]);
            a.cvtsd2si(eax, __qword_ptr[Data]);
            a.cvtpd2dq(xmm0, __xmmword_ptr[Data]);
            a.fld(__qword_ptr[Data]);
            a.fistp(__dword_ptr[Data + 24]);
            a.fld(__qword_ptr[Data + 8]);
            a.fistp(__dword_ptr[Data + 28]);
            a.cmp(ecx, mode);
            a.jne(skip);
            a.mov(__dword_ptr[Data + 32], eax);
            a.movq(__qword_ptr[Data + 36], xmm0);
            a.mov(rax, __qword_ptr[Data + 24]);
            a.mov(__qword_ptr[Data + 44], rax);
            a.Label(ref skip);
            a.dec(ebp);
            a.jnz(loop);
        }));
        int[] expected = [ofTwoAndAHalf, ofTwoAndAHalf, ofItsNegative, ofTwoAndAHalf, ofItsNegative];
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], (int)m.Read((ulong)(Data + 32 + (4 * i)), 4));
    }

    [Theory]
    [InlineData(Masked, 0x0008_0000_0000_0000UL, 0x0008_0000_0000_0000UL)]
    [InlineData(Masked | FlushToZero, 0UL, 0x0008_0000_0000_0000UL)]
    [InlineData(Masked | DenormalsAreZero, 0x0008_0000_0000_0000UL, 0UL)]
    [InlineData(Masked | FlushToZero | DenormalsAreZero, 0UL, 0UL)]
    public void Denormals(uint mxcsr, ulong product, ulong maximum)
    {
        // The least normal number by 0.5; the larger of a denormal and zero. With the default control on every other round.
        using M m = new(engine: engine);
        m.Store(Data, 0x0010_0000_0000_0000, 8);
        m.Store(Data + 8, 0x3FE0_0000_0000_0000, 8);
        m.Store(Data + 16, 0x0008_0000_0000_0000, 8);
        m.Store(Data + 24, Masked, 4);
        m.Store(Data + 28, mxcsr, 4);
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.mov(ebp, 401);
            a.mov(ebx, Data);
            a.Label(ref loop);
            a.mov(ecx, ebp);
            a.and(ecx, 1);
            a.ldmxcsr(__dword_ptr[rbx + (rcx * 4) + 24]);
            a.movsd(xmm0, __qword_ptr[rbx]);
            a.mulsd(xmm0, __qword_ptr[rbx + 8]);
            a.xorps(xmm1, xmm1);
            a.addsd(xmm1, __qword_ptr[rbx + 16]);
            a.movq(rsi, xmm0);
            a.xorps(xmm2, xmm2);
            a.maxsd(xmm2, __qword_ptr[rbx + 16]);
            a.movq(rdi, xmm2);
            a.dec(ebp);
            a.jnz(loop);
        }));
        Assert.Equal((product, maximum), (m[Gpr.Rsi], m[Gpr.Rdi]));
    }

    [Fact]
    public void TheHostsControlIsItsOwnAtEveryWayOut()
    {
        Assert.SkipUnless(HostRoutine.IsAvailable, HostRoutine.Missing);
        Assembler assembler = new(64);
        assembler.stmxcsr(__dword_ptr[rdi]);
        assembler.fnstcw(__word_ptr[rdi + 4]);
        assembler.fnstsw(__word_ptr[rdi + 6]);
        assembler.ret();
        using HostRoutine look = new(assembler);
        (uint Mxcsr, ushort Control, int Status) before = Look(look);
        List<(uint Mxcsr, ushort Control, int Status)> seen = [];
        using M m = new(engine: engine);
        m.Store(Data, 0xFFC0, 4); // all masked, toward zero, flush to zero, denormals are zero
        m.Store(Data + 4, 0x0F3F, 4); // all masked, toward zero, 53 bits and more
        m.OnAccess = () => seen.Add(Look(look));
        m.Answer = static (_, _) => 7;
        Assert.Equal("ok", m.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.ldmxcsr(__dword_ptr[Data]);
            a.fldcw(__word_ptr[Data + 4]);
            a.mov(rbx, M.Device);
            a.mov(ebp, 20);
            a.Label(ref loop);
            a.fld1();
            a.fldpi();
            a.fdivp(st1, st0);
            a.mulsd(xmm0, xmm1);
            a.@out(0x80, al);
            a.fstp(st0);
            a.dec(ebp);
            a.jnz(loop);
            a.fld1();
        }));
        seen.Add(Look(look));
        Assert.Equal(21, seen.Count);
        Assert.All(seen, now => Assert.Equal(before, now));
        Assert.Equal(0xFFC0u, m.State.Fpu.Mxcsr & 0xFFC0);
        Assert.Equal(0x0F3F, m.State.Fpu.ControlWord & 0x0F3F);
    }

    private static (uint Mxcsr, ushort Control, int Status) Look(HostRoutine look)
    {
        const uint Control = 0xFFC0;
        const int Top = 0x3800;
        byte[] data = new byte[8];
        look.Run(data);
        return (BinaryPrimitives.ReadUInt32LittleEndian(data) & Control, BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(4)),
            BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(6)) & Top);
    }
}
