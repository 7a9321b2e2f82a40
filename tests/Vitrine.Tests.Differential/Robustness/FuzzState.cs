using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Tests.Robustness;

/// <summary>
/// Random machines to start guest code on, in every mode; mostly sane, so that more than one instruction runs, with some of it
/// garbage in each:
/// <code>
///  01000 GDT   02000 IDT   04000 TSS, 64 or 32 bits   04800 second TSS   06000 LDT   08000-0FFFF stacks
///  10000-13FFF code   20000-2FFFF page tables
/// </code>
/// </summary>
internal sealed class FuzzState
{
    private const ulong Gdt = 0x1000;
    private const ulong Idt = 0x2000;
    private const ulong Tss = 0x4000;
    private const ulong Ldt = 0x6000;
    private const ulong Code = 0x10000;
    private const int CodeSize = 0x4000;
    private const ulong Tables = 0x20000;

    // Where memory ends, begins, is read-only or a device; where addresses wrap; where they stop being canonical.
    private static readonly ulong[] _edges =
    [
        0, 0x1000, 0x3000, 0x9FFFF, 0xA0000, 0xBFFFF, 0xC0000, 0xDFFFF, 0x100000, 0x300FFF, 0x301000, 0xFEC00000, 0xFEE00000, 0xFEE00080,
        0xFEE000B0, 0xFEE00300, 0xFEE00320, 0xFEE00380, 0xFFFFFFFF, FuzzMachine.HighRam, FuzzMachine.HighRam + 0xFFFF, 1UL << 36, 1UL << 46,
        0x7FFFFFFFFFFF, 0x800000000000, 0xFFFF800000000000, 1UL << 52, 1UL << 63, ulong.MaxValue,
    ];

    private static readonly uint[] _msrs =
    [
        0x10, 0x1B, 0x3A, 0x3B, 0x79, 0x8B, 0xCE, 0xFE, 0x174, 0x175, 0x176, 0x179, 0x17A, 0x1A0, 0x1D9, 0x200, 0x20F, 0x250, 0x26F, 0x277, 0x2FF,
        0x400, 0x6E0, 0x802, 0x808, 0x80B, 0x80F, 0x830, 0x832, 0x838, 0x839, 0x83E, 0x83F, 0x8FF, 0xDA0, 0xC0000080, 0xC0000081, 0xC0000082,
        0xC0000083, 0xC0000084, 0xC0000100, 0xC0000101, 0xC0000102, 0xC0000103,
    ];

    private readonly Random _random;
    private readonly FuzzMachine _machine;
    private readonly ProcessorState _state = new();

    private FuzzState(Random random, FuzzMachine machine)
    {
        _random = random;
        _machine = machine;
    }

    /// <summary>Fills memory and returns the state to start from.</summary>
    public static ProcessorState Create(Random random, FuzzMachine machine)
    {
        FuzzState fuzz = new(random, machine);
        machine.Vcpu.GetState(fuzz._state);
        fuzz.Build();
        return fuzz._state;
    }

    /// <summary>A number that an instruction may stumble over, or any.</summary>
    public static ulong Number(Random random) => random.Next(8) switch
    {
        0 => (ulong)random.NextInt64(long.MinValue, long.MaxValue),
        1 => _edges[random.Next(_edges.Length)],
        2 => _edges[random.Next(_edges.Length)] - (ulong)random.Next(-8, 17),
        3 => 1UL << random.Next(64),
        4 => (ulong)random.Next(0x1000),
        5 => _msrs[random.Next(_msrs.Length)],
        6 => (ulong)random.Next(0, 20) * 8 + (ulong)random.Next(8),
        _ => (ulong)random.Next(0x400000),
    };

    private bool OneIn(int count) => _random.Next(count) == 0;

    private ulong Number() => Number(_random);

    private static ulong Canonical(ulong address) => (ulong)((long)(address << 16) >> 16);

    private void Build()
    {
        FuzzCode.Fill(_random, _machine.Ram(Code, CodeSize));
        _random.NextBytes(_machine.Ram(0x8000, 0x1000));
        int mode = _random.Next(7);
        BuildRegisters();
        if (mode == 0) BuildReal();
        else BuildProtected(mode);
        Damage();
    }

    private void BuildRegisters()
    {
        for (int i = 0; i < Gpr.Count; i++) _state.Gpr[i] = Number();
        for (int i = 0; i < 4; i++) _state.DebugAddress[i] = OneIn(2) ? Code + (ulong)_random.Next(CodeSize) : Number();
        _state.Gpr[Gpr.Rsp] = 0x8000 + (ulong)_random.Next(0x7000);
        _state.Rip = Code + (ulong)_random.Next(CodeSize - 0x1000);
        _state.Rflags = Rflags.Fixed | (OneIn(2) ? Rflags.IF : 0) | ((ulong)_random.Next(4) << 12) | (OneIn(8) ? Rflags.TF : 0) |
            (OneIn(8) ? Rflags.DF : 0) | (OneIn(8) ? Rflags.AC : 0) | (OneIn(16) ? Rflags.NT : 0) | (OneIn(16) ? Rflags.RF : 0) |
            ((ulong)_random.Next(0x1000) & 0x8D5);
        _state.Dr7 = OneIn(6) ? (ulong)_random.NextInt64() & 0xFFFF_2FFF | 0x400 : 0x400;
        _state.Dr6 = 0xFFFF0FF0;
        _state.Cr2 = 0;
        _state.Cr3 = 0;
        _state.Cr4 = OneIn(4) ? 0 : Cr4.OSFXSR | Cr4.OSXMMEXCPT;
        _state.Efer = 0;
        _state.Cr0 = Cr0.ET | (OneIn(4) ? Cr0.TS : 0) | (OneIn(4) ? Cr0.EM : 0) | (OneIn(2) ? Cr0.WP : 0) | (OneIn(2) ? Cr0.NE : 0) |
            (OneIn(4) ? Cr0.AM : 0) | (OneIn(2) ? Cr0.MP : 0);
        _state.Fpu.ControlWord = (ushort)_random.Next(0x10000);
        _state.Fpu.StatusWord = (ushort)_random.Next(0x10000);
        _state.Fpu.AbridgedTag = (byte)_random.Next(256);
        _state.Fpu.Mxcsr = (uint)_random.Next(0x10000);
        for (int i = 0; i < 8; i++) _state.Fpu.St[i] = new UInt128((ushort)Number(), Number());
        for (int i = 0; i < 16; i++) _state.Fpu.Xmm[i] = new UInt128(Number(), Number());
        for (int i = 0; i < 16; i++) _state.Fpu.YmmHigh[i] = new UInt128(Number(), Number());
        _state.Xcr0 = OneIn(4) ? 1u : OneIn(4) || !_machine.HasAvx ? 3u : 7u;
        // STI's shadow only with IF.
        _state.Events = new PendingEvents { InterruptShadow = (byte)(OneIn(8) ? _random.Next((_state.Rflags & Rflags.IF) != 0 ? 3 : 2) : 0) };
        _state.MpState = OneIn(32) ? MpState.Halted : MpState.Runnable;
    }

    private void BuildReal()
    {
        for (int i = Seg.Es; i <= Seg.Gs; i++)
        {
            ushort selector = (ushort)(i == Seg.Cs ? 0x1000 : OneIn(4) ? _random.Next(0x10000) : 0);
            uint limit = OneIn(8) ? uint.MaxValue : 0xFFFF;
            uint granularity = limit > 0xFFFF ? 0x8000u : 0;
            _state.Segments[i] = new SegmentRegister(selector, (ulong)selector << 4, limit, (i == Seg.Cs ? 0x9Bu : 0x93u) | granularity);
        }

        _state.Rip &= CodeSize - 1;
        _state.Gpr[Gpr.Rsp] &= 0xFFFF;
        for (ulong vector = 0; vector < 256; vector++) _machine.Write(vector * 4, ((ulong)Code << 12) | (uint)_random.Next(CodeSize));
        FuzzCode.Fill(_random, _machine.Ram(0x500, 0xB00));
        _state.Gdtr = new DescriptorTable(Gdt, 0xFFF);
        _state.Idtr = new DescriptorTable(0, 0x3FF);
        BuildGdt(longMode: false);
    }

    private void BuildProtected(int mode)
    {
        bool longMode = mode >= 4;
        bool code64 = mode >= 5;
        bool virtual8086 = mode == 3;
        int cpl = virtual8086 ? 3 : OneIn(2) ? 0 : OneIn(4) ? _random.Next(4) : 3;
        _state.Cr0 |= Cr0.PE;
        BuildGdt(longMode);
        BuildIdt(longMode);
        _state.Gdtr = new DescriptorTable(Gdt, (ushort)(OneIn(8) ? _random.Next(0x1000) : 0xFFF));
        _state.Idtr = new DescriptorTable(Idt, (ushort)(OneIn(8) ? _random.Next(0x1000) : 0xFFF));
        uint dpl = (uint)cpl << 5;
        uint codeSize = code64 ? 0xA000u : mode == 1 ? 0x8000u : 0xC000u;
        for (int i = Seg.Es; i <= Seg.Gs; i++)
        {
            ushort selector = (ushort)(((1 + cpl) * 16) + cpl + (i == Seg.Cs ? 0 : 8));
            uint limit = mode == 1 && OneIn(2) ? 0x1FFFF : uint.MaxValue;
            ulong segmentBase = longMode && i is Seg.Fs or Seg.Gs && OneIn(2) ? Canonical(Number()) : 0;
            _state.Segments[i] = new SegmentRegister(selector, segmentBase, limit, (i == Seg.Cs ? 0x9Bu : 0x93u) | dpl | (i == Seg.Cs ? codeSize : 0xC000u));
            if (OneIn(20) && i > Seg.Ss) _state.Segments[i] = new SegmentRegister(0, 0, 0, SegmentRegister.UnusableBit);
        }

        _state.Segments[Seg.Tr] = new SegmentRegister(0xF0, Tss, longMode ? 0x67u : 0x67u + (uint)_random.Next(0x80), 0x8B);
        _state.Segments[Seg.Ldtr] = OneIn(2) ? new SegmentRegister(0, 0, 0, SegmentRegister.UnusableBit) : new SegmentRegister(0xE8, Ldt, 0x7FF, 0x82);
        BuildTask(longMode);
        if (virtual8086)
        {
            _state.Rflags |= Rflags.VM | (OneIn(2) ? Rflags.VIF : 0) | (OneIn(4) ? Rflags.VIP : 0);
            if (OneIn(2)) _state.Cr4 |= Cr4.VME;
            for (int i = Seg.Es; i <= Seg.Gs; i++)
            {
                ushort selector = (ushort)(i == Seg.Cs ? 0x1000 : _random.Next(0x10000));
                _state.Segments[i] = new SegmentRegister(selector, (ulong)selector << 4, 0xFFFF, 0xF3);
            }

            _state.Rip &= CodeSize - 1;
        }

        if (longMode || OneIn(2)) BuildPaging(longMode, cpl);
    }

    private void BuildGdt(bool longMode)
    {
        for (ulong entry = 1; entry < 256; entry++) _machine.Write(Gdt + (entry * 8), Descriptor());
        for (ulong level = 0; level < 4; level++)
        {
            ulong dpl = level << 45;
            _machine.Write(Gdt + ((1 + level) * 16), (longMode && (level == 0 || OneIn(2)) ? 0x00AF_9B00_0000_FFFF : OneIn(4) ? 0x008F_9B00_0000_FFFFUL : 0x00CF_9B00_0000_FFFF) | dpl);
            _machine.Write(Gdt + ((1 + level) * 16) + 8, (OneIn(4) ? 0x008F_9300_0000_FFFFUL : 0x00CF_9300_0000_FFFF) | dpl);
        }

        _machine.Write(Gdt + 0xF0, 0x0000_8B00_0000_0067 | (Tss << 16));
        _machine.Write(Gdt + 0xF8, longMode ? 0 : 0x0000_8900_0000_0067 | ((Tss + 0x800) << 16));
        _machine.Write(Gdt + 0xE8, 0x0000_8200_0000_07FF | (Ldt << 16));
        for (ulong entry = 0; entry < 256; entry++) _machine.Write(Ldt + (entry * 8), Descriptor());
    }

    private ulong Descriptor()
    {
        if (OneIn(4)) return (ulong)_random.NextInt64(long.MinValue, long.MaxValue);
        ulong access = (0x80UL | (uint)_random.Next(0x80)) << 40;
        ulong flags = (ulong)_random.Next(16) << 52;
        // A call or task gate lives from its selector, a segment from its limit.
        return OneIn(3)
            ? access | ((ulong)_random.Next(64) << 19) | ((ulong)_random.Next(3) << 32) | (ushort)_random.Next(0x10000) | (1UL << 48)
            : access | flags | 0x000F_0000_0000_FFFF;
    }

    private void BuildIdt(bool longMode)
    {
        for (ulong vector = 0; vector < 256; vector++)
        {
            ulong address = Idt + (vector * (longMode ? 16UL : 8UL));
            ulong offset = Code + (ulong)_random.Next(CodeSize);
            ulong type = OneIn(8) ? (ulong)_random.Next(32) : OneIn(2) ? 0xEUL : 0xFUL;
            ulong selector = OneIn(8) ? (ulong)_random.Next(64) << 3 : 0x10;
            ulong ist = longMode && OneIn(4) ? (ulong)_random.Next(8) : 0;
            ulong present = OneIn(16) ? 0UL : 1UL << 47;
            _machine.Write(address, (offset & 0xFFFF) | (selector << 16) | (ist << 32) | (type << 40) | ((ulong)_random.Next(4) << 45) | present | (offset >> 16 << 48));
            if (longMode) _machine.Write(address + 8, OneIn(32) ? Number() : 0);
        }
    }

    private void BuildTask(bool longMode)
    {
        Span<byte> task = _machine.Ram(Tss, 0x1000);
        _random.NextBytes(task);
        for (ulong offset = 4; offset < 0x68; offset += 8)
        {
            if (longMode) _machine.Write(Tss + offset, OneIn(16) ? Number() : 0x8000 + (ulong)_random.Next(0x7000));
        }

        if (longMode) return;
        foreach (ulong other in (ReadOnlySpan<ulong>)[0, 0x800])
        {
            // ESP0 and SS0, ... then CR3, EIP, EFLAGS, and segments, LDT and the map of ports.
            for (ulong level = 0; level < 3; level++) _machine.Write(Tss + other + 4 + (level * 8), 0xA000 | (((1 + level) * 16 + 8 + level) << 32));
            _machine.Write(Tss + other + 0x1C, Tables | ((Code + (ulong)_random.Next(CodeSize)) << 32));
            _machine.Write(Tss + other + 0x24, OneIn(2) ? 2 : (ulong)_random.Next(0x40000));
            for (ulong segment = 0; segment < 6 && !OneIn(4); segment++)
                _machine.Write(Tss + other + 0x48 + (segment * 4), segment == 1 ? 0x10UL : 0x18UL);
            _machine.Write(Tss + other + 0x60, (OneIn(2) ? 0UL : 0xE8UL) | (0x68UL << 48));
        }
    }

    private void BuildPaging(bool longMode, int cpl)
    {
        _state.Cr0 |= Cr0.PG;
        _state.Cr3 = Tables;
        bool pae = longMode || OneIn(2);
        if (pae) _state.Cr4 |= Cr4.PAE;
        if (OneIn(2)) _state.Cr4 |= Cr4.PGE;
        if (OneIn(2)) _state.Cr4 |= Cr4.PSE;
        bool supervisor = cpl != 3 && OneIn(2);
        if (OneIn(supervisor ? 2 : 32)) _state.Cr4 |= Cr4.SMEP;
        if (OneIn(supervisor ? 2 : 32)) _state.Cr4 |= Cr4.SMAP;
        if (OneIn(4)) _state.Cr4 |= Cr4.FSGSBASE;
        if (OneIn(4)) _state.Cr4 |= Cr4.UMIP;
        if (OneIn(_machine.HasAvx ? 2 : 4)) _state.Cr4 |= Cr4.OSXSAVE;
        if (longMode && OneIn(4)) _state.Cr4 |= Cr4.PCIDE;
        if (longMode && OneIn(4)) _state.Cr4 |= Cr4.PKE | Cr4.PKS;
        if (OneIn(4)) _state.Pkru = (uint)_random.NextInt64();
        if (longMode && OneIn(4)) _state.Cr4 |= Cr4.LAM_SUP;
        if (longMode && OneIn(4)) _state.Cr3 |= OneIn(2) ? Cr3.LAM_U48 : Cr3.LAM_U57;
        if (longMode) _state.Efer = Efer.LME | Efer.LMA | Efer.SCE;
        if (OneIn(2)) _state.Efer |= Efer.NXE;
        _machine.Ram(Tables, 0x10000).Clear();
        ulong next = Tables;
        if (longMode) _machine.Write(next, (next += 0x1000) | 7);
        ulong directory = pae ? next + 0x1000 : next;
        if (pae)
        {
            for (ulong i = 0; i < 4; i++)
            {
                _state.Pdptes[i] = (directory + (i * 0x1000)) | 1;
                _machine.Write(next + (i * 8), _state.Pdptes[i] | (longMode ? 6UL : 0));
            }
        }

        // The first 4 MiB one to one, in small pages; the APIC and the fifth GiB in large ones; entries that lead back to tables.
        ulong small = directory + 0x4000;
        for (ulong i = 0; i < 2; i++) WriteEntry(pae, directory, i, (small + (i * 0x1000)) | 7);
        for (ulong i = 0; i < 1024; i++)
        {
            bool odd = i > 0x30 && OneIn(4);
            if (odd && OneIn(4)) continue;
            ulong user = supervisor != OneIn(16) ? 0UL : 4UL;
            WriteEntry(pae, small, i, (i << 12) | (odd && OneIn(2) ? 1UL : 3UL) | user | ((ulong)_random.Next(16) << 5));
        }

        if (pae) _machine.Write(directory + 0x3000 + (0x1F7 * 8), 0xFEE0_0087);
        else _machine.Write(directory + (0x3FB * 4), 0xFEC0_0087);
        WriteEntry(pae, directory, 5, directory | 7);
        WriteEntry(pae, directory, 6, (ulong)_random.Next(0x400000) & ~0xFFFUL | 7);
        WriteEntry(pae, directory, 7, 0xFEE00007);
        WriteEntry(pae, directory, 8, Number() | 1);
    }

    private void WriteEntry(bool pae, ulong table, ulong index, ulong entry)
    {
        if (pae) _machine.Write(table + (index * 8), entry);
        else BitConverter.TryWriteBytes(_machine.Ram(table + (index * 4), 4), (uint)entry);
    }

    // What a guest could have brought about before: tables that are garbage, lie nowhere, or in a device.
    private void Damage()
    {
        if (OneIn(10)) _random.NextBytes(_machine.Ram(Tables + ((ulong)_random.Next(16) << 12), 0x1000));
        if (OneIn(20)) _state.Cr3 = Number() & 0x3FFF_FFFF_FFFF;
        if (OneIn(20)) _state.Gdtr = new DescriptorTable(Number(), (ushort)Number());
        if (OneIn(20)) _state.Idtr = new DescriptorTable(Number(), (ushort)Number());
        if (OneIn(20)) _state.Segments[Seg.Tr].Base = Number();
        if (OneIn(20)) _state.Segments[Seg.Ldtr].Base = Number();
        if (OneIn(20)) _state.Gpr[Gpr.Rsp] = Number();
        if (OneIn(20)) _state.Rip = Number();
        if (OneIn(40)) _random.NextBytes(_machine.Ram(Idt, 0x1000));
        if (OneIn(40)) _random.NextBytes(_machine.Ram(Gdt, 0x1000));

        // And what no processor can be in, but a caller may put.
        if (!OneIn(50)) return;
        _state.Cr0 = Number();
        _state.Cr4 = Number();
        _state.Efer = Number();
        _state.Rflags = Number();
        for (int i = 0; i < Seg.Count; i++) _state.Segments[i] = new SegmentRegister((ushort)Number(), Number(), (uint)Number(), (uint)Number());
    }
}
