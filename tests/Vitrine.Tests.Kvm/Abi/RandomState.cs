using Vitrine.X86.State;

namespace Vitrine.Tests.Kvm.Abi;

/// <summary>States with a random value in every field that may have any, and a random one of the allowed values elsewhere.</summary>
internal static class RandomState
{
    public static ProcessorState Create(Random random)
    {
        var state = new ProcessorState
        {
            Rip = Bits(64),
            Rflags = (Bits(22) & 0x3F7FD5) | 2,
            Gdtr = new DescriptorTable(Bits(64), (ushort)Bits(16)),
            Idtr = new DescriptorTable(Bits(64), (ushort)Bits(16)),
            Cr2 = Bits(64),
            Cr3 = Bits(52),
            Cr8 = Bits(4),
            ApicBase = 0xFEE00000 | (Bits(2) << 10),
            Xcr0 = Bits(1) == 0 ? 7UL : 0x207,
            Pkru = (uint)Bits(32),
            Dr6 = 0xFFFF0FF0 | Bits(4),
            Dr7 = 0x400 | Bits(8),
            MpState = (MpState)random.Next(5),
        };

        // Real mode, protected mode, PAE paging, 4-level paging.
        (state.Cr0, state.Cr4, state.Efer) = random.Next(4) switch
        {
            0 => (0x60000010UL, 0UL, 0UL),
            1 => (0x11UL, 0UL, 0UL),
            2 => (0x80000011UL, 0x20UL, 0UL),
            _ => (0x80050033UL, 0x6A0UL, 0xD01UL),
        };
        if (state.Cr4 == 0x20)
        {
            for (int i = 0; i < state.Pdptes.Length; i++) state.Pdptes[i] = (Bits(40) << 12) | 1;
        }

        for (int i = 0; i < Gpr.Count; i++) state.Gpr[i] = Bits(64);
        for (int i = 0; i < state.DebugAddress.Length; i++) state.DebugAddress[i] = Bits(64);
        for (int i = 0; i < Seg.Count; i++)
        {
            state.Segments[i] = new SegmentRegister((ushort)Bits(16), Bits(64), (uint)Bits(32), (uint)Bits(17) & (SegmentRegister.UnusableBit | 0xF0FF));
        }

        FpuState fpu = state.Fpu;
        (fpu.ControlWord, fpu.StatusWord, fpu.AbridgedTag) = ((ushort)Bits(16), (ushort)Bits(16), (byte)Bits(8));
        (fpu.LastOpcode, fpu.LastInstructionPointer, fpu.LastDataPointer) = ((ushort)Bits(11), Bits(64), Bits(64));
        fpu.Mxcsr = (uint)Bits(16);
        for (int i = 0; i < fpu.St.Length; i++) fpu.St[i] = new UInt128(Bits(16), Bits(64));
        for (int i = 0; i < fpu.Xmm.Length; i++) fpu.Xmm[i] = new UInt128(Bits(64), Bits(64));
        if (Bits(1) == 0)
        {
            for (int i = 0; i < fpu.YmmHigh.Length; i++) fpu.YmmHigh[i] = new UInt128(Bits(64), Bits(64));
        }

        for (int i = random.Next(300); i > 0; i--) state.Msrs[(uint)Bits(32)] = Bits(64);
        bool masked = Bits(1) == 0;
        state.Events = new PendingEvents
        {
            ExceptionInjected = Bits(1) == 0,
            ExceptionVector = (byte)(16 + Bits(4)),
            ExceptionHasErrorCode = Bits(1) == 0,
            ExceptionErrorCode = (uint)Bits(32),
            InterruptInjected = Bits(1) == 0,
            InterruptVector = (byte)Bits(8),
            InterruptSoft = Bits(1) == 0,
            InterruptShadow = (byte)Bits(2),
            NmiInjected = Bits(1) == 0,
            NmisPending = (byte)random.Next(2),
            NmiMasked = masked,
            SipiVector = (uint)Bits(8),
            TripleFaultPending = Bits(1) == 0,
        };
        random.NextBytes(state.LocalApic);
        return state;

        ulong Bits(int count) => (((ulong)random.NextInt64() << 32) ^ (ulong)random.NextInt64()) & (ulong.MaxValue >> (64 - count));
    }
}
