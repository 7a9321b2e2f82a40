using Iced.Intel;
using Vitrine.Accelerators.Coherence;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software.Coherence;

/// <summary>
/// A client that writes guest memory through its own pointer, as another program's device model or debugger does. A processor's caches are coherent, so a guest sees
/// the new bytes whenever something has told it of them: at the exit that they were written in, by an interrupt, by a page that it has mapped anew.
/// </summary>
public abstract unsafe class ForeignWriteTests(MmuMode mmu, SoftwareEngine engine)
{
    // SAFETY: pointers are into the machine's memory, which outlives the client's thread.
    private const byte Port = 0x80;
    private const ulong Page = 0x4000_0000;
    private const ulong Frame = 0x20_0000;
    private const ulong Other = 0x20_1000;

    // MOV EAX, imm32; RET.
    private static readonly byte[] s_function = [0xB8, 1, 0, 0, 0, 0xC3];

    /// <summary>How the vCPU is told. The function is on the caller's page, to which branches are patched, on another one, or in two.</summary>
    public static TheoryData<MemoryDoubt, ulong> Places
    {
        get
        {
            TheoryData<MemoryDoubt, ulong> places = [];
            foreach (MemoryDoubt doubt in Enum.GetValues<MemoryDoubt>())
            {
                foreach (ulong function in (ReadOnlySpan<ulong>)[M.Code + 0x800, Page, Page + 0xFFB, Page + 0xFFE]) places.Add(doubt, function);
            }

            return places;
        }
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void CodeThatTheClientOverwroteAtAnExitIsNotUsed(MemoryDoubt doubt, ulong function)
    {
        using M m = Machine();
        m.Map(Page, Frame, M.P);
        m.Map(Page + 0x1000, Other, M.P);
        ulong frame = function < Page ? function : function - Page + Frame;
        m.Write(frame, s_function);
        byte number = 1;
        m.OnAccess = () =>
        {
            m.Ram.Pointer[frame + 1] = ++number;
            m.Vcpu.Coherence!.Doubt(doubt);
        };
        Assert.Equal("ok", m.Run(a =>
        {
            Label again = a.CreateLabel();
            Label next = a.CreateLabel();
            a.xor(esi, esi);
            a.mov(ebp, 5);
            a.Label(ref next);
            a.mov(ecx, 100);
            a.Label(ref again);
            a.call(function);
            a.dec(ecx);
            a.jnz(again);
            a.shl(rsi, 8);
            a.or(rsi, rax);
            a.@out(Port, al);
            a.dec(ebp);
            a.jnz(next);
        }));
        Assert.Equal(0x0102030405UL, m[Gpr.Rsi]);
    }

    /// <summary>Of a page with many blocks that lead to each other, the last one changes, then the first.</summary>
    [Theory]
    [InlineData(7)]
    [InlineData(0)]
    public void APartOfAPageOfBlocksThatLeadToEachOther(int changed)
    {
        const int Blocks = 8;
        using M m = Machine();
        m.Map(Page, Frame, M.P);

        // ADD EAX, imm8; JMP over a NOP.
        for (ulong i = 0; i < Blocks; i++) m.Write(Frame + (i * 6), 0x83, 0xC0, 1, 0xEB, 1, 0x90);
        m.Write(Frame + (Blocks * 6), 0xC3);
        int number = 1;
        m.OnAccess = () =>
        {
            m.Ram.Pointer[Frame + (ulong)(changed * 6) + 2] = (byte)++number;
            m.Vcpu.Coherence!.Doubt(MemoryDoubt.Code);
        };
        Assert.Equal("ok", m.Run(a =>
        {
            Label next = a.CreateLabel();
            a.xor(esi, esi);
            a.mov(ebp, 4);
            a.Label(ref next);
            a.xor(eax, eax);
            a.call(Page);
            a.shl(rsi, 8);
            a.or(rsi, rax);
            a.@out(Port, al);
            a.dec(ebp);
            a.jnz(next);
        }));
        Assert.Equal(0x08090A0BUL, m[Gpr.Rsi]);
    }

    /// <summary>Data on a page of code changes all the time: no code is made anew, and none is dropped.</summary>
    [Fact]
    public void DataBesideCodeDropsNothing()
    {
        using M m = Machine();
        m.Map(Page, Frame, M.P);
        m.Write(Frame + 0x800, s_function);
        const int Exits = 100;
        (ulong Drops, ulong Made) first = default;
        (ulong Drops, ulong Made) last = default;
        int exits = 0;
        m.OnAccess = () =>
        {
            for (int i = 0; i < 0x700; i++) m.Ram.Pointer[Frame + (ulong)i]++;
            m.Ram.Pointer[Frame + 0x7FF]++;
            m.Ram.Pointer[Frame + 0x806]++;
            m.Vcpu.Coherence!.Doubt(MemoryDoubt.Code);
            exits++;
            if (exits == 2) first = (m.Vcpu.Blocks.Invalidations, Made(m));
            if (exits == Exits) last = (m.Vcpu.Blocks.Invalidations, Made(m));
        };
        Assert.Equal("ok", m.Run(a =>
        {
            Label next = a.CreateLabel();
            a.mov(ebp, Exits);
            a.Label(ref next);
            a.call(Page + 0x800);
            a.@out(Port, al);
            a.dec(ebp);
            a.jnz(next);
        }));
        Assert.Equal(Exits, exits);
        Assert.Equal(0UL, m.Vcpu.Blocks.Differences);
        Assert.Equal(first, last);
        Assert.True(m.Vcpu.Blocks.Verifications >= Exits - 2);
    }

    /// <summary>A state that is put again and again, as by a fuzzer that restores a snapshot, costs no code that memory still holds; what it wrote is seen.</summary>
    [Fact]
    public void APutKeepsCodeThatMemoryStillHolds()
    {
        using M m = Machine();
        m.Map(Page, Frame, M.P);
        m.Write(Frame, s_function);
        ProcessorState start = new();
        start.CopyFrom(m.State);
        Assert.Equal("ok", m.Run(static a => a.call(Page)));
        Again();
        ulong made = Made(m);
        for (int i = 0; i < 20; i++) Again();
        Assert.Equal((made, 0UL, 0UL), (Made(m), m.Vcpu.Blocks.Differences, m.Vcpu.Blocks.Invalidations));
        m.Ram.Pointer[Frame + 1] = 9;
        Again();
        Assert.Equal((9UL, 1UL), (m[Gpr.Rax], m.Vcpu.Blocks.Differences));

        void Again()
        {
            m.State.CopyFrom(start);
            Assert.Equal("ok", m.Run());
        }
    }

    /// <summary>
    /// The guest lets a device fill the page that a function was on, is told so by a word in memory, maps the page again and calls the function. There is no exit.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void APageThatIsMappedAgainHoldsWhatADeviceWrote(bool moves)
    {
        const int Rounds = 200;
        const ulong Words = 0x30_0000;
        const ulong Tables = 0x5000_0000;
        using M m = Machine();
        m.Map(Page, Frame, M.P);
        m.Map(Words, Words, M.P | M.W);
        m.Write(Frame, s_function);
        ulong entry = m.Entry(Page);
        m.Map(Tables, entry & ~0xFFFUL, M.P | M.W);
        uint place = (uint)(Tables + (entry & 0xFFF));
        byte* memory = m.Ram.Pointer;
        RunResult end = "";
        Thread guest = new(() => end = m.Run(a =>
        {
            Label next = a.CreateLabel();
            Label wait = a.CreateLabel();
            Label good = a.CreateLabel();
            a.mov(ebx, (uint)Page);
            a.mov(edx, (uint)Words);
            a.mov(edi, place);
            a.mov(ecx, 1);
            a.Label(ref next);
            a.call(rbx);
            a.mov(__qword_ptr[rdi], 0);
            a.invlpg(__byte_ptr[rbx]);
            a.mov(__dword_ptr[rdx + 64], ecx);
            a.Label(ref wait);
            a.cmp(__dword_ptr[rdx], ecx);
            a.jne(wait);

            // The same page again, or at another address, where other pages' functions were before.
            if (moves)
            {
                a.xor(rbx, 0x3000);
                a.xor(rdi, 24);
            }

            a.mov(__qword_ptr[rdi], (int)(Frame | M.P));
            a.invlpg(__byte_ptr[rbx]);
            a.call(rbx);
            a.cmp(eax, ecx);
            a.je(good);
            a.ud2();
            a.Label(ref good);
            a.inc(ecx);
            a.cmp(ecx, Rounds);
            a.jbe(next);
        }));
        guest.Start();
        for (int round = 1; round <= Rounds; round++)
        {
            while (Volatile.Read(ref *(int*)(memory + Words + 64)) != round && !guest.Join(0)) Thread.Yield();
            *(int*)(memory + Frame + 1) = round;
            Volatile.Write(ref *(int*)(memory + Words), round);
        }

        guest.Join();
        Assert.Equal("ok", end);
    }

    /// <summary>As before, with a page of 2 MiB, of which INVLPG names one address and ends all.</summary>
    [Fact]
    public void ALargePageThatIsMappedAgainHoldsWhatADeviceWrote()
    {
        const int Rounds = 50;
        const ulong Words = 0x10_0000;
        const ulong Tables = 0x5000_0000;
        const ulong Function = Page + 0x5000;
        using M m = Machine();
        m.Map(Page, Frame, M.P, 21);
        m.Map(Words + Page + 0x4000_0000, Frame + 0x20_0000, M.P | M.W);
        m.Write(Frame + 0x5000, s_function);
        ulong entry = m.Entry(Page, 21);
        m.Map(Tables, entry & ~0xFFFUL, M.P | M.W);
        uint place = (uint)(Tables + (entry & 0xFFF));
        byte* words = m.Ram.Pointer + Frame + 0x20_0000;
        RunResult end = "";
        Thread guest = new(() => end = m.Run(a =>
        {
            Label next = a.CreateLabel();
            Label wait = a.CreateLabel();
            Label good = a.CreateLabel();
            a.mov(rbx, Function);
            a.mov(rdx, Words + Page + 0x4000_0000);
            a.mov(edi, place);
            a.mov(ecx, 1);
            a.Label(ref next);
            a.call(rbx);
            a.mov(__qword_ptr[rdi], 0);
            a.invlpg(__byte_ptr[rbx + 0x3000]);
            a.mov(__dword_ptr[rdx + 64], ecx);
            a.Label(ref wait);
            a.cmp(__dword_ptr[rdx], ecx);
            a.jne(wait);
            a.mov(__qword_ptr[rdi], (int)(Frame | M.P | M.Large));
            a.invlpg(__byte_ptr[rbx + 0x3000]);
            a.call(rbx);
            a.cmp(eax, ecx);
            a.je(good);
            a.ud2();
            a.Label(ref good);
            a.inc(ecx);
            a.cmp(ecx, Rounds);
            a.jbe(next);
        }));
        guest.Start();
        for (int round = 1; round <= Rounds; round++)
        {
            while (Volatile.Read(ref *(int*)(words + 64)) != round && !guest.Join(0)) Thread.Yield();
            *(int*)(m.Ram.Pointer + Frame + 0x5001) = round;
            Volatile.Write(ref *(int*)words, round);
        }

        guest.Join();
        Assert.Equal("ok", end);
    }

    /// <summary>The client changes the guest's page tables, of the last level or the one above, and asks for everything to be looked at anew.</summary>
    [Theory]
    [InlineData(12)]
    [InlineData(21)]
    public void PageTablesThatTheClientWroteAreFollowed(int level)
    {
        using M m = Machine();
        m.Map(Page, Frame, M.P | M.W);
        m.Store(Frame, 1, 4);
        m.Store(Other, 2, 4);
        m.Write(Frame + 0x800, s_function);
        m.Write(Other + 0x800, s_function);
        m.Ram.Pointer[Other + 0x801] = 7;
        ulong entry = m.Entry(Page, level);
        ulong value = Other | M.P | M.W;
        if (level == 21)
        {
            const ulong Table = 0x30_0000;
            m.Store(Table, Other | M.P | M.W, 8);
            value = Table | M.P | M.W;
        }

        m.OnAccess = () =>
        {
            *(ulong*)(m.Ram.Pointer + entry) = value;
            m.Vcpu.Coherence!.Doubt(MemoryDoubt.Everything);
        };
        Assert.Equal("ok", m.Run(a =>
        {
            a.mov(ebx, (uint)Page);
            a.mov(esi, __dword_ptr[rbx]);
            a.call(Page + 0x800);
            a.@out(Port, al);
            a.mov(edi, __dword_ptr[rbx]);
            a.call(Page + 0x800);
        }));
        Assert.Equal((1UL, 2UL, 7UL), (m[Gpr.Rsi], m[Gpr.Rdi], m[Gpr.Rax]));
    }

    /// <summary>A client that writes code while it is decoded: whatever it leaves behind runs after the next exit.</summary>
    [Fact]
    public void CodeThatIsWrittenWhileItIsDecoded()
    {
        const int Rounds = 2000;
        using M m = Machine();
        m.Map(Page, Frame, M.P);
        m.Write(Frame, s_function);
        byte* memory = m.Ram.Pointer;
        int number = 0;
        int written = 0;
        int checkedUntil = 0;
        Thread client = new(() =>
        {
            for (int round = 1; round <= Rounds; round++)
            {
                // The function is dropped and made anew once and again meanwhile.
                for (int i = 0; i < round % 16 * 4; i++) *(int*)(memory + Frame + 1) = -i;
                *(int*)(memory + Frame + 1) = round;
                Volatile.Write(ref written, round);
                while (Volatile.Read(ref checkedUntil) < round) Thread.Yield();
            }
        });
        int exits = 0;
        m.OnAccess = () =>
        {
            const int ExitsPerRound = 4;
            switch (++exits % ExitsPerRound)
            {
                case 3:
                    number++;
                    while (Volatile.Read(ref written) < number) Thread.Yield();
                    break;
                case 1:
                    Volatile.Write(ref checkedUntil, number);
                    break;
            }

            m.Vcpu.Coherence!.Doubt(MemoryDoubt.Code);
        };
        m.Answer = (_, _) => (ulong)number;
        client.Start();
        RunResult end = m.Run(a =>
        {
            Label next = a.CreateLabel();
            Label good = a.CreateLabel();
            a.mov(ebp, Rounds);
            a.Label(ref next);
            a.call(Page);
            for (int i = 0; i < 2; i++)
            {
                a.@out(Port, al);
                a.call(Page);
            }

            a.@out(Port, al);
            a.@in(eax, Port);
            a.mov(ebx, eax);
            a.call(Page);
            a.cmp(eax, ebx);
            a.je(good);
            a.ud2();
            a.Label(ref good);
            a.dec(ebp);
            a.jnz(next);
        });
        Volatile.Write(ref checkedUntil, Rounds);
        client.Join();
        Assert.Equal("ok", end);
    }

    private static ulong Made(M m) => m.Vcpu.Blocks.Decoded + (m.Vcpu.TranslatorEngine?.Translations.Translated ?? 0);

    private M Machine() => new(mmu: mmu, engine: engine, foreignWrites: true);

    public sealed class ShadowInterpreted() : ForeignWriteTests(MmuMode.Shadow, SoftwareEngine.Interpreter);

    public sealed class ShadowTranslated() : ForeignWriteTests(MmuMode.Shadow, SoftwareEngine.Translator);

    public sealed class TwoDimensionalInterpreted() : ForeignWriteTests(MmuMode.TwoDimensional, SoftwareEngine.Interpreter);

    public sealed class TwoDimensionalTranslated() : ForeignWriteTests(MmuMode.TwoDimensional, SoftwareEngine.Translator);
}
