using System.Buffers.Binary;
using Vitrine.X86.State;

namespace Vitrine.Kvm.Abi.Codec;

/// <summary>
/// x87 and SSE registers (KVM_GET_FPU, KVM_SET_FPU). MXCSR and the upper halves of YMM do not pass this way: KVM leaves mxcsr 0 when it is
/// asked and ignores it when it is told.
/// </summary>
// SAFETY: for the whole type: the arrays of the structure are read and written within their lengths.
public static unsafe class FpuCodec
{
    private const int Stride = 16;

    /// <summary>Takes the registers into a state. Bits 127:80 of an x87 register are ignored.</summary>
    public static void Decode(in kvm_fpu fpu, FpuState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.ControlWord = fpu.fcw;
        state.StatusWord = fpu.fsw;
        state.AbridgedTag = fpu.ftwx;
        state.LastOpcode = fpu.last_opcode;
        state.LastInstructionPointer = fpu.last_ip;
        state.LastDataPointer = fpu.last_dp;
        fixed (kvm_fpu* source = &fpu)
        {
            ReadOnlySpan<byte> st = new(source->fpr, state.St.Length * Stride);
            ReadOnlySpan<byte> xmm = new(source->xmm, state.Xmm.Length * Stride);
            for (int i = 0; i < state.St.Length; i++) state.St[i] = BinaryPrimitives.ReadUInt128LittleEndian(st[(i * Stride)..]) & XsaveCodec.Low80;
            for (int i = 0; i < state.Xmm.Length; i++) state.Xmm[i] = BinaryPrimitives.ReadUInt128LittleEndian(xmm[(i * Stride)..]);
        }
    }

    /// <summary>The registers of a state.</summary>
    public static kvm_fpu Encode(FpuState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var fpu = new kvm_fpu
        {
            fcw = state.ControlWord,
            fsw = state.StatusWord,
            ftwx = state.AbridgedTag,
            last_opcode = state.LastOpcode,
            last_ip = state.LastInstructionPointer,
            last_dp = state.LastDataPointer,
        };
        Span<byte> st = new(fpu.fpr, state.St.Length * Stride);
        Span<byte> xmm = new(fpu.xmm, state.Xmm.Length * Stride);
        for (int i = 0; i < state.St.Length; i++) BinaryPrimitives.WriteUInt128LittleEndian(st[(i * Stride)..], state.St[i] & XsaveCodec.Low80);
        for (int i = 0; i < state.Xmm.Length; i++) BinaryPrimitives.WriteUInt128LittleEndian(xmm[(i * Stride)..], state.Xmm[i]);
        return fpu;
    }
}
