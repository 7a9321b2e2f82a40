using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Kvm.Abi.Codec;

/// <summary>General-purpose registers, RIP and RFLAGS (KVM_GET_REGS, KVM_SET_REGS).</summary>
public static class RegsCodec
{
    /// <summary>Takes the registers into a state. Any value is one; bit 1 of RFLAGS is set, as KVM sets it.</summary>
    public static void Decode(in kvm_regs regs, ProcessorState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        ulong[] gpr = state.Gpr;
        gpr[Gpr.Rax] = regs.rax;
        gpr[Gpr.Rcx] = regs.rcx;
        gpr[Gpr.Rdx] = regs.rdx;
        gpr[Gpr.Rbx] = regs.rbx;
        gpr[Gpr.Rsp] = regs.rsp;
        gpr[Gpr.Rbp] = regs.rbp;
        gpr[Gpr.Rsi] = regs.rsi;
        gpr[Gpr.Rdi] = regs.rdi;
        gpr[Gpr.R8] = regs.r8;
        gpr[Gpr.R8 + 1] = regs.r9;
        gpr[Gpr.R8 + 2] = regs.r10;
        gpr[Gpr.R8 + 3] = regs.r11;
        gpr[Gpr.R8 + 4] = regs.r12;
        gpr[Gpr.R8 + 5] = regs.r13;
        gpr[Gpr.R8 + 6] = regs.r14;
        gpr[Gpr.R8 + 7] = regs.r15;
        state.Rip = regs.rip;
        state.Rflags = regs.rflags | Rflags.Fixed;
    }

    /// <summary>The registers of a state.</summary>
    public static kvm_regs Encode(ProcessorState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        ulong[] gpr = state.Gpr;
        return new kvm_regs
        {
            rax = gpr[Gpr.Rax],
            rcx = gpr[Gpr.Rcx],
            rdx = gpr[Gpr.Rdx],
            rbx = gpr[Gpr.Rbx],
            rsp = gpr[Gpr.Rsp],
            rbp = gpr[Gpr.Rbp],
            rsi = gpr[Gpr.Rsi],
            rdi = gpr[Gpr.Rdi],
            r8 = gpr[Gpr.R8],
            r9 = gpr[Gpr.R8 + 1],
            r10 = gpr[Gpr.R8 + 2],
            r11 = gpr[Gpr.R8 + 3],
            r12 = gpr[Gpr.R8 + 4],
            r13 = gpr[Gpr.R8 + 5],
            r14 = gpr[Gpr.R8 + 6],
            r15 = gpr[Gpr.R8 + 7],
            rip = state.Rip,
            rflags = state.Rflags,
        };
    }
}
