using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Lockstep;

/// <summary>The registers that instructions of translated code can change, apart from memory and the machine's own state.</summary>
internal unsafe struct RegisterImage
{
    // SAFETY: fixed buffers are copied whole, with the sizes that CpuState has.

    /// <summary>64-bit words of the vector registers.</summary>
    public const int VectorWords = 16 * 4;

    /// <summary>64-bit words of the x87 registers.</summary>
    public const int X87Words = 8 * 2;

    public fixed ulong Gpr[16];
    public fixed ulong Xmm[VectorWords];
    public fixed ulong X87[X87Words];
    public ulong Rip;
    public ulong Rflags;
    public ulong SystemFlags;
    public ulong FlagResult;
    public uint FlagAux;
    public uint Mxcsr;
    public ushort Fcw;
    public ushort Fsw;
    public byte FpuTop;
    public byte FpuTag;
    public ushort Fop;
    public ulong Fip;
    public ulong Fdp;
    public ulong Instructions;
    public ulong GsBase;
    public ulong KernelGsBase;
    public ulong Cr2;
    public uint InterruptShadow;

    /// <summary>Copies the registers out of a state.</summary>
    public static void Save(CpuState* cpu, ref RegisterImage image)
    {
        fixed (RegisterImage* to = &image)
        {
            Unsafe.CopyBlock(to->Gpr, cpu->Gpr, 16 * sizeof(ulong));
            Unsafe.CopyBlock(to->Xmm, cpu->Xmm, VectorWords * sizeof(ulong));
            Unsafe.CopyBlock(to->X87, cpu->X87, X87Words * sizeof(ulong));
        }

        image.Rip = cpu->Rip;
        image.Rflags = Flags.GetRflags(cpu);
        image.SystemFlags = cpu->SystemFlags;
        image.FlagResult = cpu->FlagResult;
        image.FlagAux = cpu->FlagAux;
        image.Mxcsr = cpu->Mxcsr;
        image.Fcw = cpu->Fcw;
        image.Fsw = cpu->Fsw;
        image.FpuTop = cpu->FpuTop;
        image.FpuTag = cpu->FpuTag;
        image.Fop = cpu->Fop;
        image.Fip = cpu->Fip;
        image.Fdp = cpu->Fdp;
        image.Instructions = cpu->Instructions;
        image.GsBase = cpu->Segments[Seg.Gs].Base;
        image.KernelGsBase = cpu->KernelGsBase;
        image.Cr2 = cpu->Cr2;
        image.InterruptShadow = cpu->InterruptShadow;
    }

    /// <summary>Copies the registers back.</summary>
    public static void Restore(CpuState* cpu, ref RegisterImage image)
    {
        fixed (RegisterImage* from = &image)
        {
            Unsafe.CopyBlock(cpu->Gpr, from->Gpr, 16 * sizeof(ulong));
            Unsafe.CopyBlock(cpu->Xmm, from->Xmm, VectorWords * sizeof(ulong));
            Unsafe.CopyBlock(cpu->X87, from->X87, X87Words * sizeof(ulong));
        }

        cpu->Rip = image.Rip;
        cpu->SystemFlags = image.SystemFlags;
        cpu->FlagResult = image.FlagResult;
        cpu->FlagAux = image.FlagAux;
        cpu->Mxcsr = image.Mxcsr;
        cpu->Fcw = image.Fcw;
        cpu->Fsw = image.Fsw;
        cpu->FpuTop = image.FpuTop;
        cpu->FpuTag = image.FpuTag;
        cpu->Fop = image.Fop;
        cpu->Fip = image.Fip;
        cpu->Fdp = image.Fdp;
        cpu->Instructions = image.Instructions;
        cpu->Segments[Seg.Gs].Base = image.GsBase;
        cpu->KernelGsBase = image.KernelGsBase;
        cpu->Cr2 = image.Cr2;
        cpu->InterruptShadow = image.InterruptShadow;
    }
}
