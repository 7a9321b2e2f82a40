using Vitrine.Devices.Interrupts;
using Vitrine.Kvm.Abi;

namespace Vitrine.KvmServer.Irqchip;

/// <summary>Between an 8259 and its kvm_pic_state.</summary>
internal static class PicImage
{
    // The slave's request is an edge at the master, whatever its trigger mode. KVM pulses the master's input for the slave, so that its
    // line never stays up.
    private const byte Cascade = 1 << Pic8259Registers.CascadeInput;

    /// <summary>What KVM shows of a chip.</summary>
    public static kvm_pic_state Of(in Pic8259.State state, bool isMaster) => new()
    {
        last_irr = (byte)(isMaster ? state.Lines & ~Cascade : state.Lines),
        irr = state.Requests,
        imr = state.Mask,
        isr = state.InService,
        priority_add = (byte)((state.LowestPriority + 1) & 7),
        irq_base = state.VectorBase,
        read_reg_select = Bit(state.ReadInService),
        poll = Bit(state.Poll),
        special_mask = Bit(state.SpecialMask),
        init_state = (byte)state.Stage,
        auto_eoi = Bit(state.AutoEoi),
        rotate_on_auto_eoi = Bit(state.RotateOnAutoEoi),
        special_fully_nested_mode = Bit(state.FullyNested),
        init4 = Bit(state.NeedsIcw4),
        elcr = state.LevelInputs,
        elcr_mask = isMaster ? Pic8259Registers.MasterLevelCapable : Pic8259Registers.SlaveLevelCapable,
    };

    /// <summary>What a chip can have of a client's structure.</summary>
    /// <param name="image">The client's.</param>
    /// <param name="isMaster">Which chip.</param>
    /// <param name="cascade">Of the master: the slave's output.</param>
    public static Pic8259.State ToState(in kvm_pic_state image, bool isMaster, bool cascade)
    {
        byte lines = isMaster ? (byte)(image.last_irr & ~Cascade) : image.last_irr;
        byte slave = isMaster && cascade ? Cascade : (byte)0;
        Pic8259.Initialization stage = (Pic8259.Initialization)image.init_state;
        return new Pic8259.State
        {
            Lines = (byte)(lines | slave),
            Requests = (byte)(image.irr | slave),
            Mask = image.imr,
            InService = image.isr,
            LowestPriority = (image.priority_add - 1) & 7,
            VectorBase = (byte)(image.irq_base & 0xF8),
            ReadInService = image.read_reg_select != 0,
            Poll = image.poll != 0,
            SpecialMask = image.special_mask != 0,
            Stage = Enum.IsDefined(stage) ? stage : Pic8259.Initialization.Done,
            AutoEoi = image.auto_eoi != 0,
            RotateOnAutoEoi = image.rotate_on_auto_eoi != 0,
            FullyNested = image.special_fully_nested_mode != 0,
            NeedsIcw4 = image.init4 != 0,
            LevelInputs = (byte)(isMaster ? image.elcr & ~Cascade : image.elcr),
        };
    }

    private static byte Bit(bool value) => value ? (byte)1 : (byte)0;
}
