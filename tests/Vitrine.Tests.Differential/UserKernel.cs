using System.Buffers.Binary;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Tests.Differential;

/// <summary>
/// What runs user programs on the software CPU, 64-bit code or 32-bit, each to its first exception: all handlers are <c>out 0xf4, al; iretq</c>. At the
/// OUT the program is over, the next one's registers go into the frame, and IRETQ enters it.
/// <code>
///  physical  01000 GDT  02000 IDT  03000 TSS  04000 LDT  06f00 frame for IRETQ  07000 stack of the handlers  08000 handlers  09000 routines  10000 page tables
/// </code>
/// All memory is mapped for the supervisor only, at the start of the upper half; <see cref="Map"/> adds what the user sees.
/// </summary>
// SAFETY: pointers are into the caller's memory slot and vCPU state, which live as long as the object; guest-physical constants lie within the slot.
internal sealed unsafe class UserKernel
{
    /// <summary>Where the machine leaves at the end of a program.</summary>
    public const ushort EndPort = 0xF4;

    /// <summary>Bytes of memory.</summary>
    public const int MemorySize = 0x20_0000;

    /// <summary>Linear address of the memory's start; only what is below belongs to the user.</summary>
    public const ulong High = 0xFFFF_8000_0000_0000;

    public const ulong Present = 1;
    public const ulong Writable = 2;
    public const ulong User = 4;
    public const ulong AccessedDirty = 0x60;
    public const ulong NoExecute = 1UL << 63;

    private const ulong Table = Present | Writable | User | AccessedDirty;
    private const int Gdt = 0x1000;
    private const int Idt = 0x2000;
    private const int Tss = 0x3000;
    private const int Ldt = 0x4000;
    private const int Frame = 0x6F00;
    private const int Stack = 0x7000;
    private const int Handlers = 0x8000;
    private const int Routines = 0x9000;
    private const int Root = 0x1_0000;
    private const int HandlerSize = 16;
    private const ushort KernelCode = 0x10;
    private const ushort KernelData = 0x18;
    private const ushort TaskSelector = 0x40;
    private const ushort LocalTableSelector = 0x50;

    // Linux keeps the processor's number in its limit.
    private const ushort ProcessorNumber = 0x78;
    private const ulong ErrorCodeVectors = (1UL << 8) | (1UL << 10) | (1UL << 11) | (1UL << 12) | (1UL << 13) | (1UL << 14) | (1UL << 17);

    private readonly byte* _ram;
    private readonly CpuState* _cpu;
    private readonly int _directory;
    private int _lastTable;

    /// <summary>Writes the tables.</summary>
    /// <param name="ram">The memory, <see cref="MemorySize"/> bytes.</param>
    /// <param name="cpu">The processor's state.</param>
    public UserKernel(byte* ram, CpuState* cpu)
    {
        _ram = ram;
        _cpu = cpu;
        BuildDescriptors();
        int upper = Root + 0x1000;
        int lower = Root + 0x3000;
        Put(Root + (256 * 8), (ulong)upper | Table);
        Put(upper, (ulong)(upper + 0x1000) | Table);
        Put(upper + 0x1000, Present | Writable | AccessedDirty | 0x80);
        Put(Root, (ulong)lower | Table);
        _directory = _lastTable = lower + 0x1000;
        Put(lower, (ulong)_directory | Table);
    }

    /// <summary>Maps pages for the user, in the first gigabyte.</summary>
    /// <param name="linear">Linear address of the first.</param>
    /// <param name="physical">Its place in memory.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="flags">Its rights beyond those to read and execute.</param>
    public void Map(ulong linear, int physical, int size, ulong flags)
    {
        for (int page = 0; page < size; page += 0x1000)
        {
            ulong address = linear + (ulong)page;
            int entry = _directory + ((int)(address >> 21) * 8);
            if (*(ulong*)(_ram + entry) == 0) Put(entry, (ulong)(_lastTable += 0x1000) | Table);
            int table = (int)(*(ulong*)(_ram + entry) & ~0xFFFUL);
            Put(table + ((int)(address >> 12 & 511) * 8), (uint)(physical + page) | flags | Present | User | AccessedDirty);
        }
    }

    /// <summary>Place in memory of the page-table entry of a user page that was mapped.</summary>
    public int Entry(ulong linear) => (int)(*(ulong*)(_ram + _directory + ((int)(linear >> 21) * 8)) & ~0xFFFUL) + ((int)(linear >> 12 & 511) * 8);

    /// <summary>
    /// The processor stands behind the OUT: lets it change a page-table entry as a kernel does, and forget the page, or all of the address space. The next run ends at the
    /// OUT again.
    /// </summary>
    /// <param name="linear">An address in the page.</param>
    /// <param name="entry">The new entry.</param>
    /// <param name="everything">By a load of CR3, and not by INVLPG.</param>
    public void ChangeEntry(ulong linear, ulong entry, bool everything)
    {
        // mov [rdi], rax; invlpg [rsi] or mov cr3, rcx; out 0xf4, al; iretq
        ReadOnlySpan<byte> store = [0x48, 0x89, 0x07];
        ReadOnlySpan<byte> forget = everything ? [0x0F, 0x22, 0xD9] : [0x0F, 0x01, 0x3E];
        ReadOnlySpan<byte> end = [0xE6, (byte)EndPort, 0x48, 0xCF];
        int routine = Routines + (everything ? HandlerSize : 0);
        store.CopyTo(new Span<byte>(_ram + routine, 3));
        forget.CopyTo(new Span<byte>(_ram + routine + 3, 3));
        end.CopyTo(new Span<byte>(_ram + routine + 6, 4));
        _cpu->Gpr[Gpr.Rdi] = High + (ulong)Entry(linear);
        _cpu->Gpr[Gpr.Rax] = entry;
        _cpu->Gpr[Gpr.Rsi] = linear;
        _cpu->Gpr[Gpr.Rcx] = Root;
        _cpu->Rip = High + (ulong)routine;
    }

    /// <summary>Sets a processor to the start of a handler: the first run ends there at once.</summary>
    /// <param name="state">The state that it has. FS, GS, XCR0 and the features of CR0, CR4 and EFER that programs use are the caller's.</param>
    public void Start(ProcessorState state)
    {
        const uint Code64Access = 0xA09B;
        const uint DataAccess = 0xC093;
        const uint UserDataAccess = 0xC0F3;
        const uint BusyTask = 0x8B;
        state.Segments[Seg.Cs] = new SegmentRegister(KernelCode, 0, uint.MaxValue, Code64Access);
        state.Segments[Seg.Ss] = new SegmentRegister(KernelData, 0, uint.MaxValue, DataAccess);
        state.Segments[Seg.Ds] = state.Segments[Seg.Es] = new SegmentRegister(OracleLayout.Stack, 0, uint.MaxValue, UserDataAccess);
        state.Segments[Seg.Tr] = new SegmentRegister(TaskSelector, High + Tss, 0x67, BusyTask);
        state.Segments[Seg.Ldtr] = new SegmentRegister(0, 0, 0, SegmentRegister.UnusableBit);
        state.Gdtr = new DescriptorTable(High + Gdt, 0x7F);
        state.Idtr = new DescriptorTable(High + Idt, 0xFFF);
        state.Cr0 = Cr0.PE | Cr0.MP | Cr0.ET | Cr0.NE | Cr0.WP | Cr0.AM | Cr0.PG;
        state.Cr3 = Root;
        state.Cr4 = Cr4.PAE | Cr4.OSFXSR | Cr4.OSXMMEXCPT;
        state.Efer = Efer.LME | Efer.LMA | Efer.NXE;
        state.Rip = High + Handlers;
        state.Gpr[Gpr.Rsp] = High + Frame;
        state.Rflags = Rflags.Fixed;
    }

    /// <summary>Gives a processor <see cref="LocalSegments"/> as its local descriptor table.</summary>
    public void StartLocalTable(ProcessorState state)
    {
        for (int entry = 0; entry < LocalSegments.All.Length; entry++) Put(Ldt + (entry * 8), LocalSegments.All[entry].Descriptor.Raw);
        const uint LocalTable = 0x82;
        state.Segments[Seg.Ldtr] = new SegmentRegister(LocalTableSelector, High + Ldt, (uint)(LocalSegments.All.Length * 8) - 1, LocalTable);
    }

    /// <summary>The processor stands behind the OUT: what it will enter the program with.</summary>
    public void Load(ref MachineImage image)
    {
        ulong* frame = (ulong*)(_ram + Frame);
        frame[0] = image.Rip;
        frame[1] = image.CodeSelector;
        frame[2] = image.Rflags;
        frame[3] = image.General(Gpr.Rsp);
        frame[4] = image.StackSelector;
        for (int i = 0; i < 16; i++) _cpu->Gpr[i] = image.General(i);
        _cpu->Gpr[Gpr.Rsp] = High + Frame;
        _cpu->Cr2 = 0;
        image.LoadFloatingPoint(_cpu);
    }

    /// <summary>The processor stands at the OUT: how the program ended.</summary>
    public void Save(ref MachineImage image)
    {
        int vector = (int)(_cpu->Rip - High - Handlers) / HandlerSize;
        bool hasError = vector < 64 && (ErrorCodeVectors >> vector & 1) != 0;
        ulong* frame = (ulong*)(_ram + (_cpu->Gpr[Gpr.Rsp] - High));
        image.Words[MachineImage.TrapWord] = (ulong)vector;
        image.Words[MachineImage.ErrorWord] = hasError ? *frame++ : 0;
        image.Words[MachineImage.Cr2Word] = _cpu->Cr2;
        for (int i = 0; i < 16; i++) image.SetGeneral(i, _cpu->Gpr[i]);
        image.Rip = frame[0];
        image.CodeSelector = (ushort)frame[1];
        image.StackSelector = (ushort)frame[4];
        image.Rflags = frame[2];
        image.SetGeneral(Gpr.Rsp, frame[3]);
        image.SaveFloatingPoint(_cpu);
    }

    private void BuildDescriptors()
    {
        SetGdt(KernelCode, 0x00AF_9B00_0000_FFFF);
        SetGdt(KernelData, 0x00CF_9300_0000_FFFF);
        SetGdt(OracleLayout.Code32 & ~7, 0x00CF_FB00_0000_FFFF);
        SetGdt(OracleLayout.Stack & ~7, 0x00CF_F300_0000_FFFF);
        SetGdt(OracleLayout.Code64 & ~7, 0x00AF_FB00_0000_FFFF);
        SetGdt(TaskSelector, 0x0000_8B00_0000_0067 | ((ulong)Tss << 16) | ((High >> 24 & 0xFF) << 56));
        SetGdt(ProcessorNumber, 0x0040_F500_0000_0000);
        Put(Gdt + TaskSelector + 8, High >> 32);
        Put(Tss + 4, High + Stack);
        BinaryPrimitives.WriteUInt16LittleEndian(new Span<byte>(_ram + Tss + 0x66, 2), 0x68);
        for (int vector = 0; vector < 256; vector++)
        {
            // Linux lets user code raise #BP and #OF by instructions.
            byte dpl = (byte)(vector is 3 or 4 ? 3 : 0);
            int handler = Handlers + (vector * HandlerSize);
            GateDescriptor gate = GateDescriptor.Create(DescriptorType.InterruptGate, KernelCode, High + (ulong)handler, dpl);
            Put(Idt + (vector * 16), gate.Low);
            Put(Idt + (vector * 16) + 8, gate.High);
            ReadOnlySpan<byte> code = [0xE6, (byte)EndPort, 0x48, 0xCF];
            code.CopyTo(new Span<byte>(_ram + handler, HandlerSize));
        }
    }

    private void SetGdt(int selector, ulong raw) => Put(Gdt + selector, raw);

    private void Put(int address, ulong value) => *(ulong*)(_ram + address) = value;
}
