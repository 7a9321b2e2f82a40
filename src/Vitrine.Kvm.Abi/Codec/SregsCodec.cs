using System.Numerics;
using System.Runtime.CompilerServices;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Kvm.Abi.Codec;

/// <summary>
/// Special registers (KVM_GET_SREGS, KVM_SET_SREGS and their second versions). Whether the values agree with each other, as VM entry
/// and KVM demand, is not asked here.
/// </summary>
// SAFETY: for the whole type: arrays of the structures are indexed within their lengths, and the part that both structures
// share is no longer than either.
public static unsafe class SregsCodec
{
    private const int Words = 4;
    private const int WordBits = 64;

    /// <summary>Takes the registers into a state. The first bit of interrupt_bitmap, if there is one, is an interrupt that is being delivered.</summary>
    public static void Decode(in kvm_sregs sregs, ProcessorState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        kvm_sregs2 common = default;
        fixed (kvm_sregs* source = &sregs) CopyCommonPart(source, &common);
        DecodeCommonPart(common, state);
        Array.Clear(state.Pdptes);
        for (int word = 0; word < Words; word++)
        {
            if (sregs.interrupt_bitmap[word] == 0) continue;
            int vector = (word * WordBits) + BitOperations.TrailingZeroCount(sregs.interrupt_bitmap[word]);
            PendingEvents events = state.Events;
            (events.InterruptInjected, events.InterruptVector, events.InterruptSoft) = (true, (byte)vector, false);
            state.Events = events;
            break;
        }
    }

    /// <summary>Takes the registers into a state. Pointers that are not marked valid are 0.</summary>
    /// <returns>False, with the state as it was, for what KVM answers with EINVAL: unknown flags, and pointers without PAE paging.</returns>
    public static bool TryDecode(in kvm_sregs2 sregs, ProcessorState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        bool valid = (sregs.flags & KvmConstants.KVM_SREGS2_FLAGS_PDPTRS_VALID) != 0;
        if ((sregs.flags & ~KvmConstants.KVM_SREGS2_FLAGS_PDPTRS_VALID) != 0) return false;
        if (valid && !HasPaePaging(sregs.cr0, sregs.cr4, sregs.efer)) return false;
        DecodeCommonPart(sregs, state);
        for (int i = 0; i < state.Pdptes.Length; i++) state.Pdptes[i] = valid ? sregs.pdptrs[i] : 0;
        return true;
    }

    /// <summary>The registers of a state, with an interrupt that is being delivered and isn't INT n's, as KVM_GET_SREGS shows it.</summary>
    public static kvm_sregs Encode(ProcessorState state)
    {
        kvm_sregs2 common = EncodeSecond(state);
        kvm_sregs sregs = default;
        CopyCommonPart(&common, &sregs);
        PendingEvents events = state.Events;
        if (events.InterruptInjected && !events.InterruptSoft)
        {
            sregs.interrupt_bitmap[events.InterruptVector / WordBits] = 1UL << (events.InterruptVector % WordBits);
        }

        return sregs;
    }

    /// <summary>The registers of a state. A state of PAE paging without any pointer leaves it to KVM to load them from memory.</summary>
    public static kvm_sregs2 EncodeSecond(ProcessorState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        SegmentRegister[] segments = state.Segments;
        var sregs = new kvm_sregs2
        {
            cs = SegmentCodec.Encode(segments[Seg.Cs]),
            ds = SegmentCodec.Encode(segments[Seg.Ds]),
            es = SegmentCodec.Encode(segments[Seg.Es]),
            fs = SegmentCodec.Encode(segments[Seg.Fs]),
            gs = SegmentCodec.Encode(segments[Seg.Gs]),
            ss = SegmentCodec.Encode(segments[Seg.Ss]),
            tr = SegmentCodec.Encode(segments[Seg.Tr]),
            ldt = SegmentCodec.Encode(segments[Seg.Ldtr]),
            gdt = SegmentCodec.Encode(state.Gdtr),
            idt = SegmentCodec.Encode(state.Idtr),
            cr0 = state.Cr0,
            cr2 = state.Cr2,
            cr3 = state.Cr3,
            cr4 = state.Cr4,
            cr8 = state.Cr8,
            efer = state.Efer,
            apic_base = state.ApicBase,
        };

        // The pointers that a processor holds may differ from memory.
        bool given = HasPaePaging(state.Cr0, state.Cr4, state.Efer) && Array.Exists(state.Pdptes, static entry => entry != 0);
        if (!given) return sregs;
        sregs.flags = KvmConstants.KVM_SREGS2_FLAGS_PDPTRS_VALID;
        for (int i = 0; i < state.Pdptes.Length; i++) sregs.pdptrs[i] = state.Pdptes[i];
        return sregs;
    }

    private static bool HasPaePaging(ulong cr0, ulong cr4, ulong efer) =>
        (cr0 & Cr0.PG) != 0 && (cr4 & Cr4.PAE) != 0 && (efer & Efer.LMA) == 0;

    private static void DecodeCommonPart(in kvm_sregs2 sregs, ProcessorState state)
    {
        SegmentRegister[] segments = state.Segments;
        segments[Seg.Cs] = SegmentCodec.Decode(sregs.cs);
        segments[Seg.Ds] = SegmentCodec.Decode(sregs.ds);
        segments[Seg.Es] = SegmentCodec.Decode(sregs.es);
        segments[Seg.Fs] = SegmentCodec.Decode(sregs.fs);
        segments[Seg.Gs] = SegmentCodec.Decode(sregs.gs);
        segments[Seg.Ss] = SegmentCodec.Decode(sregs.ss);
        segments[Seg.Tr] = SegmentCodec.Decode(sregs.tr);
        segments[Seg.Ldtr] = SegmentCodec.Decode(sregs.ldt);
        state.Gdtr = SegmentCodec.Decode(sregs.gdt);
        state.Idtr = SegmentCodec.Decode(sregs.idt);
        state.Cr0 = sregs.cr0;
        state.Cr2 = sregs.cr2;
        state.Cr3 = sregs.cr3;
        state.Cr4 = sregs.cr4;
        state.Cr8 = sregs.cr8;
        state.Efer = sregs.efer;
        state.ApicBase = sregs.apic_base;
    }

    // It ends with apic_base.
    private static void CopyCommonPart(void* source, void* destination) =>
        Unsafe.CopyBlock(destination, source, (uint)(sizeof(kvm_sregs) - (Words * sizeof(ulong))));
}
