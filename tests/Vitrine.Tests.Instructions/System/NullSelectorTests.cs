using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Mmu.PagedMachine;

namespace Vitrine.Tests.Software;

/// <summary>
/// Where segment registers become null, and what is left of their hidden bases. A return to an outer level and a way out of virtual-8086 mode only
/// change the selector; a load clears the base, as on Intel processors, in 64-bit mode too (SDM vol. 2, IRET, RET, INT n, MOV).
/// </summary>
public sealed class NullSelectorTests
{
    private const ushort Code0 = 0x08;
    private const ushort Data0 = 0x10;
    private const ushort Data3 = 0x23;
    private const ulong Base = 0xE000;
    private const ulong User = 0xD000;
    private const int UserStack = 0xF000;
    private const byte Hlt = 0xF4;
    private const uint Data0Access = 0xC093;
    private const uint Code0Access = 0xC09B;
    private const uint Data3Access = 0xC0F3;
    private static readonly int[] s_data = [Seg.Es, Seg.Ds, Seg.Fs, Seg.Gs];

    /// <summary>How code reaches level 3.</summary>
    public enum Way
    {
        /// <summary>IRET.</summary>
        Iret,

        /// <summary>RETF.</summary>
        FarReturn,

        /// <summary>SYSRET, 64-bit only.</summary>
        Sysret,

        /// <summary>SYSEXIT.</summary>
        Sysexit,
    }

    public static TheoryData<SoftwareEngine, int, int, Way> Returns()
    {
        TheoryData<SoftwareEngine, int, int, Way> cases = [];
        foreach (SoftwareEngine engine in (ReadOnlySpan<SoftwareEngine>)[SoftwareEngine.Interpreter, SoftwareEngine.Translator])
        {
            foreach ((int from, int to) in (ReadOnlySpan<(int, int)>)[(64, 64), (64, 32), (32, 32)])
            {
                foreach (Way way in Enum.GetValues<Way>())
                {
                    if (way != Way.Sysret || from == 64) cases.Add(engine, from, to, way);
                }
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Returns))]
    public void AWayToLevel3KeepsHiddenBases(SoftwareEngine engine, int from, int to, Way way)
    {
        // What DS, ES, FS and GS hold before; whether a return to level 3 drops it. SYSRET and SYSEXIT touch none of them.
        (ushort Selector, uint Access, bool Dropped)[] contents =
        [
            (Data0, Data0Access, true), (Code0, Code0Access, true), (Data3, Data3Access, false), (0x50, 0xC09F, false),
            (0, SegmentRegister.UnusableBit, true), (3, SegmentRegister.UnusableBit, true), (2, SegmentRegister.UnusableBit | Data3Access, true),
        ];
        foreach ((ushort selector, uint access, bool dropped) in contents)
        {
            using M m = new(from == 64 ? PagingMode.FourLevel : PagingMode.Bits32, engine: engine);
            foreach (int number in s_data) m.State.Segments[number] = new(selector, Base + (ulong)number, uint.MaxValue, access);
            m.State.Efer |= from == 64 ? Efer.SCE : 0;
            m.Write(User, Hlt);
            Assert.Equal("#13(0)", m.Run(a => Enter(a, from, to, way)));
            Assert.Equal(User, m.State.Rip);
            bool isReturn = way is Way.Iret or Way.FarReturn;
            foreach (int number in s_data)
            {
                SegmentRegister now = m.State.Segments[number];
                ushort expected = isReturn && dropped ? (ushort)0 : selector;
                Assert.Equal((number, expected, Base + (ulong)number), (number, now.Selector, now.Base));
                Assert.Equal((isReturn && dropped) || (access & SegmentRegister.UnusableBit) != 0, now.Unusable);
            }
        }
    }

    /// <summary>The base is still that of FS and GS where 64-bit code uses them; in compatibility mode a null segment can't be used.</summary>
    [Theory]
    [InlineData(SoftwareEngine.Interpreter, 64)]
    [InlineData(SoftwareEngine.Interpreter, 32)]
    [InlineData(SoftwareEngine.Translator, 64)]
    [InlineData(SoftwareEngine.Translator, 32)]
    public void Level3UsesTheBaseOfANullSegment(SoftwareEngine engine, int to)
    {
        using M m = new(engine: engine);
        m.State.Segments[Seg.Fs] = new(Data0, Base, uint.MaxValue, Data0Access);
        m.State.Segments[Seg.Gs] = new(Data0, Base + 0x100, uint.MaxValue, Data0Access);
        m.Store(Base + 8, 0x1111_2222, 4);
        m.Store(Base + 0x108, 0x3333_4444, 4);
        int setUp = M.Bytes(to, User, a => a.mov(ecx, 30)).Length;
        byte[] user = M.Bytes(to, User, a =>
        {
            Label loop = a.CreateLabel();
            a.mov(ecx, 30);
            a.Label(ref loop);
            a.mov(eax, __dword_ptr.fs[8]);
            a.mov(ebx, __dword_ptr.gs[8]);
            a.dec(ecx);
            a.jnz(loop);
            a.hlt();
        });
        m.Write(User, user);
        Assert.Equal("#13(0)", m.Run(a => Enter(a, 64, to, Way.Iret)));
        Assert.Equal(User + (ulong)(to == 64 ? user.Length - 1 : setUp), m.State.Rip);
        if (to == 64) Assert.Equal((0x1111_2222UL, 0x3333_4444UL), (m[Gpr.Rax], m[Gpr.Rbx]));
    }

    [Theory]
    [InlineData(SoftwareEngine.Interpreter)]
    [InlineData(SoftwareEngine.Translator)]
    public void ALoadOfANullSelectorClearsTheBase(SoftwareEngine engine)
    {
        (string Name, int Number, Action<Assembler> Emit)[] loads =
        [
            ("mov fs", Seg.Fs, a => a.mov(fs, ax)), ("mov gs", Seg.Gs, a => a.mov(gs, ax)), ("mov ds", Seg.Ds, a => a.mov(ds, ax)),
            ("pop fs", Seg.Fs, a => a.pop(fs)), ("pop gs", Seg.Gs, a => a.pop(gs)),
            ("lfs", Seg.Fs, a => a.lfs(ecx, __dword_ptr[rsp])), ("lgs", Seg.Gs, a => a.lgs(ecx, __dword_ptr[rsp])),
        ];
        foreach ((string name, int number, Action<Assembler> emit) in loads)
        {
            using M m = new(engine: engine);
            m.State.Segments[number] = new(Data0, Base, uint.MaxValue, Data0Access);
            Assert.Equal("ok", m.Run(a =>
            {
                a.push(0);
                a.mov(eax, 3);
                if (name.StartsWith("mov", StringComparison.Ordinal)) a.xor(eax, eax);
                emit(a);
            }));
            SegmentRegister now = m.State.Segments[number];
            Assert.Equal((name, (ushort)0, 0UL, true), (name, now.Selector, now.Base, now.Unusable));
        }
    }

    [Theory]
    [InlineData(SoftwareEngine.Interpreter)]
    [InlineData(SoftwareEngine.Translator)]
    public void AWayOutOfVirtual8086ModeKeepsHiddenBases(SoftwareEngine engine)
    {
        using M m = new(PagingMode.Bits32, engine: engine);
        m.State.Rflags = Rflags.Fixed | Rflags.VM | Rflags.IOPL;
        foreach (int number in (int[])[.. s_data, Seg.Cs, Seg.Ss]) m.State.Segments[number] = new((ushort)(0x700 + number), 0x7000 + (16UL * (ulong)number), 0xFFFF, 0xF3);
        m.State.Segments[Seg.Cs] = new(0x800, 0x8000, 0xFFFF, 0xF3);
        m[Gpr.Rsp] = 0x6000;

        // INT 0x1F, whose handler is a HLT of level 0.
        m.Store(0x2000 + (0x1F * 8) + 5, 0xEE, 1);
        m.Write(0x8000, 0xCD, 0x1F);
        m.State.Rip = 0;
        Assert.Equal("#31", m.Run());
        foreach (int number in s_data)
        {
            SegmentRegister now = m.State.Segments[number];
            Assert.Equal((number, (ushort)0, 0x7000 + (16UL * (ulong)number), true), (number, now.Selector, now.Base, now.Unusable));
        }
    }

    private static void Enter(Assembler a, int from, int to, Way way)
    {
        const int Star = unchecked((int)0xC000_0081);
        const int SysenterCs = 0x174;
        int code = to == 64 ? 0x33 : 0x1B;
        switch (way)
        {
            case Way.Iret or Way.FarReturn:
                a.push(Data3);
                a.push(UserStack);
                if (way == Way.Iret) a.push((int)Rflags.Fixed);
                a.push(code);
                a.push((int)User);
                if (way == Way.Iret && from == 64) a.iretq();
                else if (way == Way.Iret) a.iretd();
                else if (from == 64) a.db(0x48, 0xCB);
                else a.retf();
                break;
            case Way.Sysret:
                // SS is 0x18 + 8, CS 0x18 + 16 or 0x18.
                a.mov(ecx, Star);
                a.xor(eax, eax);
                a.mov(edx, to == 64 ? 0x23 << 16 : 0x1B << 16);
                a.wrmsr();
                a.mov(ecx, (int)User);
                a.mov(r11d, (int)Rflags.Fixed);
                if (to == 64) a.sysretq();
                else a.sysret();
                break;
            default:
                // CS is 0x08 + 16 or 0x08 + 32, SS the next.
                a.mov(ecx, SysenterCs);
                a.mov(eax, Code0);
                a.xor(edx, edx);
                a.wrmsr();
                a.mov(ecx, UserStack);
                a.mov(edx, (int)User);
                if (to == 64) a.sysexitq();
                else a.sysexit();
                break;
        }
    }
}
